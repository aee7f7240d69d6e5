// SPDX-License-Identifier: Apache-2.0

import Cryptography
import LockedMemory

extension SecretMemory {
    /// Memory for a command that creates or reads a key, OpenSSL's allocations included.
    ///
    /// Uses ordinary memory if none can be locked: the command holds one key for a moment.
    static func forCommand() throws -> SecretMemory {
        let memory: SecretMemory
        do throws(LockedMemoryError) {
            memory = try SecretMemory(slotCount: 64, allowUnlocked: true)
        } catch {
            throw CommandFailure(error)
        }
        try CommandFailure.wrapping { () throws(CryptographyError) in try OpenSSLMemory.install(memory) }
        return memory
    }
}

extension CommandFailure {
    init(_ error: LockedMemoryError) { self.init(.failed, "no memory for keys: \(error)") }

    /// Reports a cryptographic error that should not occur as a failure of the command.
    static func wrapping<Result: ~Copyable>(_ body: () throws(CryptographyError) -> Result) throws -> Result {
        do throws(CryptographyError) {
            return try body()
        } catch {
            throw CommandFailure(.failed, "OpenSSL failed: \(error)")
        }
    }
}
