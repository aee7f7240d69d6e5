// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Cryptography
import LockedMemory

/// Secrets and OpenSSL's memory for all tests of the process, as the agent has it.
enum Shared {
    private static let memory = Result {
        let memory = try SecretMemory(allowUnlocked: true)
        try OpenSSLMemory.install(memory)
        return memory
    }

    static func secretMemory() throws -> SecretMemory { try self.memory.get() }
}

/// The bytes that two hexadecimal digits each stand for.
func bytes(hex: String) -> [UInt8] {
    let digits = hex.utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue.map(UInt8.init) }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

extension Secret {
    init(_ bytes: [UInt8], in memory: SecretMemory) throws {
        try self.init(copying: bytes.span, in: memory)
    }

    /// Only tests may do this.
    var array: [UInt8] {
        self.withBytes { bytes in bytes.indices.map { bytes[$0] } }
    }
}

extension InlineArray where Element == UInt8 {
    init(_ bytes: [UInt8]) {
        precondition(bytes.count == count)
        self.init { bytes[$0] }
    }
}
