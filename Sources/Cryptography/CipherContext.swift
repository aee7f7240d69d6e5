// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import LockedMemory

/// An `EVP_CIPHER_CTX` with its cipher, reused for one message after the other.
///
/// It keeps the last message's key schedule until the next message, in OpenSSL's memory; see ``OpenSSLMemory``.
///
/// `@unchecked Sendable`: used by one thread at a time, the one that took it out of its ``ContextPool``.
@safe final class CipherContext: @unchecked Sendable {
    enum Direction: Int32 {
        case opening = 0
        case sealing = 1
    }

    private let context: OpaquePointer
    private let keyByteCount: Int
    private let ivByteCount: Int

    /// - Parameter cipher: OpenSSL's name of the cipher.
    init(cipher: String) throws(CryptographyError) {
        guard let fetched = unsafe EVP_CIPHER_fetch(nil, cipher, nil) else { throw .reported(by: "EVP_CIPHER_fetch") }
        defer { unsafe EVP_CIPHER_free(fetched) }  // The context has a reference too.
        guard let context = unsafe EVP_CIPHER_CTX_new() else { throw .reported(by: "EVP_CIPHER_CTX_new") }
        unsafe self.context = context
        self.keyByteCount = Int(unsafe EVP_CIPHER_get_key_length(fetched))
        self.ivByteCount = Int(unsafe EVP_CIPHER_get_iv_length(fetched))
        guard unsafe EVP_CipherInit_ex2(context, fetched, nil, nil, Direction.sealing.rawValue, nil) == 1 else {
            throw .reported(by: "EVP_CipherInit_ex2")
        }
    }

    deinit { unsafe EVP_CIPHER_CTX_free(self.context) }

    /// Starts a message. `key` and `iv` must have the cipher's lengths.
    func start(_ direction: Direction, key: borrowing Secret, iv: Span<UInt8>) throws(CryptographyError) {
        precondition(key.byteCount == self.keyByteCount && iv.count == self.ivByteCount)
        let status = unsafe key.withUnsafeBytes { key in
            unsafe iv.withUnsafeBytes { iv in
                unsafe EVP_CipherInit_ex2(
                    self.context,
                    nil,
                    key.baseAddress,
                    iv.baseAddress,
                    direction.rawValue,
                    nil
                )
            }
        }
        guard status == 1 else { throw .reported(by: "EVP_CipherInit_ex2") }
    }

    /// Adds associated data: bytes that the tag covers but that are not encrypted.
    func authenticate(_ bytes: Span<UInt8>) throws(CryptographyError) {
        guard !bytes.isEmpty else { return }
        try unsafe self.update(from: bytes, to: nil)
    }

    /// Encrypts or decrypts `input` to the same number of bytes at `output`.
    func transform(_ input: Span<UInt8>, to output: UnsafeMutableRawBufferPointer) throws(CryptographyError) {
        precondition(input.count == output.count)
        guard !input.isEmpty else { return }
        try unsafe self.update(from: input, to: output.baseAddress)
    }

    private func update(
        from input: Span<UInt8>,
        to output: UnsafeMutableRawPointer?
    ) throws(CryptographyError) {
        var written: Int32 = 0
        let status = unsafe input.withUnsafeBytes { input in
            unsafe EVP_CipherUpdate(self.context, output, &written, input.baseAddress, Int32(input.count))
        }
        guard status == 1 else { throw .reported(by: "EVP_CipherUpdate") }
    }

    /// Sets the tag to verify when a message is decrypted.
    func expect(tag: Span<UInt8>) throws(CryptographyError) {
        // OpenSSL only reads it. The parameter is not const, because the same function also writes tags.
        let status = unsafe tag.withUnsafeBytes { tag in
            unsafe EVP_CIPHER_CTX_ctrl(
                self.context,
                EVP_CTRL_AEAD_SET_TAG,
                Int32(tag.count),
                UnsafeMutableRawPointer(mutating: tag.baseAddress)
            )
        }
        guard status == 1 else { throw .reported(by: "EVP_CIPHER_CTX_ctrl") }
    }

    /// Writes the tag of an encrypted message, after ``finish()``.
    func copyTag(to output: UnsafeMutableRawBufferPointer) throws(CryptographyError) {
        let status = unsafe EVP_CIPHER_CTX_ctrl(
            self.context,
            EVP_CTRL_AEAD_GET_TAG,
            Int32(output.count),
            output.baseAddress
        )
        guard status == 1 else { throw .reported(by: "EVP_CIPHER_CTX_ctrl") }
    }

    /// Ends a message.
    ///
    /// - Throws: `.notAuthentic` if the message was decrypted and its tag is wrong.
    func finish() throws(CryptographyError) {
        var written: Int32 = 0
        guard unsafe EVP_CipherFinal_ex(self.context, nil, &written) == 1 else {
            let failure = CryptographyError.reported(by: "EVP_CipherFinal_ex")
            throw unsafe EVP_CIPHER_CTX_is_encrypting(self.context) == 1 ? failure : .notAuthentic
        }
    }
}
