// SPDX-License-Identifier: Apache-2.0

package import LockedMemory

/// Authenticated encryption with a 32-byte key, a 12-byte nonce and a 16-byte tag. A message is encrypted to a
/// ciphertext of the same length, followed by the tag.
///
/// Thread-safe. Secret arguments and results are in locked memory. So are OpenSSL's own copies of keys after
/// ``OpenSSLMemory/install(_:)``.
package final class AEAD: Sendable {
    /// The cipher; the raw values are OpenSSL's names.
    package enum Algorithm: String, Sendable, CaseIterable {
        /// NIST SP 800-38D.
        case aes256GCM = "AES-256-GCM"
        /// RFC 8439.
        case chaCha20Poly1305 = "ChaCha20-Poly1305"
    }

    package typealias Nonce = InlineArray<12, UInt8>

    package static let keyByteCount = 32
    package static let tagByteCount = 16

    private let contexts: ContextPool<CipherContext>

    /// - Throws: `.openSSL` if this OpenSSL lacks the cipher.
    package init(_ algorithm: Algorithm) throws(CryptographyError) {
        self.contexts = try ContextPool { () throws(CryptographyError) in
            try CipherContext(cipher: algorithm.rawValue)
        }
    }

    /// Encrypts a message and appends it to `output`, which must have room for it. Never use a nonce twice with the
    /// same key.
    package func seal(
        _ plaintext: Span<UInt8>,
        appendingTo output: inout OutputSpan<UInt8>,
        key: borrowing Secret,
        nonce: Nonce,
        associatedData: Span<UInt8>
    ) throws(CryptographyError) {
        let byteCount = plaintext.count + Self.tagByteCount
        precondition(byteCount <= output.freeCapacity)
        try self.contexts.withContext { context throws(CryptographyError) in
            try context.start(.sealing, key: key, iv: nonce.span)
            try context.authenticate(associatedData)
            try unsafe output.withUnsafeMutableBufferPointer { buffer, count throws(CryptographyError) in
                let free = unsafe UnsafeMutableRawBufferPointer(buffer)[count...]
                let body = unsafe UnsafeMutableRawBufferPointer(rebasing: free.prefix(plaintext.count))
                let tag = unsafe UnsafeMutableRawBufferPointer(
                    rebasing: free.dropFirst(plaintext.count).prefix(Self.tagByteCount)
                )
                try unsafe context.transform(plaintext, to: body)
                try context.finish()
                try unsafe context.copyTag(to: tag)
                count += byteCount
            }
        }
    }

    /// Decrypts a message.
    ///
    /// - Throws: `.notAuthentic` if the tag is wrong or the message is shorter than a tag. Partial plaintext is wiped.
    package func open(
        _ sealed: Span<UInt8>,
        key: borrowing Secret,
        nonce: Nonce,
        associatedData: Span<UInt8>,
        into memory: SecretMemory
    ) throws(CryptographyError) -> Secret {
        let byteCount = sealed.count - Self.tagByteCount
        guard byteCount >= 0 else { throw .notAuthentic }
        var plaintext = try memory.makeSecret(byteCount: byteCount)
        try self.contexts.withContext { context throws(CryptographyError) in
            try context.start(.opening, key: key, iv: nonce.span)
            try context.expect(tag: sealed.extracting(last: Self.tagByteCount))
            try context.authenticate(associatedData)
            try unsafe plaintext.withUnsafeMutableBytes { output throws(CryptographyError) in
                try unsafe context.transform(sealed.extracting(first: byteCount), to: output)
            }
            try context.finish()
        }
        return plaintext
    }
}
