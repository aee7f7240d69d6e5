// SPDX-License-Identifier: Apache-2.0

package import LockedMemory

/// HChaCha20 (draft-irtf-cfrg-xchacha, section 2.2): derives a 32-byte key from a 32-byte key and 16 public bytes.
/// Thread-safe.
///
/// OpenSSL has no function for it, but has ChaCha20, whose block is HChaCha20's permutation of the same sixteen words
/// plus those words. The input is `[constant ×4][key ×8][iv ×4]`. HChaCha20's result is words 0 to 3 and 12 to 15 of
/// the permutation. No key was added to those words, so subtracting the public input gives the result.
package final class HChaCha20: Sendable {
    /// The 16 public bytes.
    package typealias InitializationVector = InlineArray<16, UInt8>

    /// "expand 32-byte k", as little-endian words.
    private static let constants: InlineArray<4, UInt32> = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574]

    private let contexts: ContextPool<CipherContext>

    /// - Throws: `.openSSL` if this OpenSSL lacks ChaCha20.
    package init() throws(CryptographyError) {
        self.contexts = try ContextPool { () throws(CryptographyError) in try CipherContext(cipher: "ChaCha20") }
    }

    /// - Throws: `.openSSL`, or `.memory` if there is no room for the derived key.
    package func deriveKey(
        from key: borrowing Secret,
        iv: InitializationVector,
        into memory: SecretMemory
    ) throws(CryptographyError) -> Secret {
        let block = try self.block(key: key, iv: iv, in: memory)
        var derived = try memory.makeSecret(byteCount: 32)
        block.withBytes { block in
            derived.withMutableBytes { derived in
                for word in 0..<4 {
                    let offset = 4 * word
                    let first = Self.word(of: block, at: offset) &- Self.constants[word]
                    let last = Self.word(of: block, at: 48 + offset) &- Self.word(of: iv.span, at: offset)
                    Self.store(first, to: &derived, at: offset)
                    Self.store(last, to: &derived, at: 16 + offset)
                }
            }
        }
        return derived
    }

    /// The first block of ChaCha20's key stream: the encryption of zeros.
    private func block(
        key: borrowing Secret,
        iv: InitializationVector,
        in memory: SecretMemory
    ) throws(CryptographyError) -> Secret {
        let zeroes = InlineArray<64, UInt8>(repeating: 0)
        var block = try memory.makeSecret(byteCount: zeroes.count)
        try self.contexts.withContext { context throws(CryptographyError) in
            try context.start(.sealing, key: key, iv: iv.span)
            try unsafe block.withUnsafeMutableBytes { output throws(CryptographyError) in
                try unsafe context.transform(zeroes.span, to: output)
            }
        }
        return block
    }

    private static func word(of bytes: Span<UInt8>, at offset: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << (8 * $1) }
    }

    private static func store(_ word: UInt32, to bytes: inout MutableSpan<UInt8>, at offset: Int) {
        for index in 0..<4 { bytes[offset + index] = UInt8(truncatingIfNeeded: word >> (8 * index)) }
    }
}
