// SPDX-License-Identifier: Apache-2.0

import Cryptography
import LockedMemory

extension SecretMemory {
    /// Memory for a command that makes or reads a key, with whatever OpenSSL holds of it.
    ///
    /// A command takes ordinary memory where it cannot lock any: it holds one key for a moment.
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

    /// Runs what fails only where it has no reason to.
    static func wrapping<Result: ~Copyable>(_ body: () throws(CryptographyError) -> Result) throws -> Result {
        do throws(CryptographyError) {
            return try body()
        } catch {
            throw CommandFailure(.failed, "OpenSSL failed: \(error)")
        }
    }
}
