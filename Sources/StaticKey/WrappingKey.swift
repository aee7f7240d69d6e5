// SPDX-License-Identifier: Apache-2.0

import Cryptography
import KeyService
import LockedMemory

/// The static key. It never encrypts a message itself: each message has a cipher key of its own, derived from the
/// static key and the message's initialization vector.
///
/// | cipher            | cipher key                            |
/// |-------------------|---------------------------------------|
/// | AES-256-GCM       | HMAC-SHA-256(static key, IV)          |
/// | ChaCha20-Poly1305 | HChaCha20(static key, IV)             |
///
/// Encryption uses AES. ChaCha20 is only decrypted, if a ciphertext names it. KES uses the same scheme, so a static key
/// can move to a KES server with all its ciphertexts.
struct WrappingKey: Sendable {
    private let key: SharedSecret
    private let memory: SecretMemory
    private let authenticator: HMACSHA256
    private let hChaCha20: HChaCha20
    private let aes: AEAD
    private let chaCha20: AEAD

    init(_ key: SharedSecret, memory: SecretMemory) throws(CryptographyError) {
        precondition(key.value.byteCount == AEAD.keyByteCount, "a static key has 32 bytes")
        self.key = key
        self.memory = memory
        self.authenticator = try HMACSHA256(key: key)
        self.hChaCha20 = try HChaCha20()
        self.aes = try AEAD(.aes256GCM)
        self.chaCha20 = try AEAD(.chaCha20Poly1305)
    }

    /// A new random data key: plaintext and ciphertext.
    func makeDataKey(associatedData: AssociatedData) throws(CryptographyError) -> DataKey {
        let plaintext = try Randomness.secret(byteCount: DataKey.byteCount, in: self.memory)
        let ciphertext = try self.seal(plaintext, associatedData: associatedData)
        return DataKey(plaintext: plaintext, ciphertext: ciphertext)
    }

    private func seal(
        _ plaintext: borrowing Secret,
        associatedData: AssociatedData
    ) throws(CryptographyError) -> Ciphertext {
        let trailer: EncryptedMessage.Trailer = try Randomness.bytes()
        let cipherKey = try self.authenticator.code(of: EncryptedMessage.iv(of: trailer).span, into: self.memory)
        let byteCount = plaintext.byteCount + AEAD.tagByteCount + trailer.count
        let bytes = try [UInt8](capacity: byteCount) { output throws(CryptographyError) in
            try plaintext.withBytes { plaintext throws(CryptographyError) in
                try self.aes.seal(
                    plaintext,
                    appendingTo: &output,
                    key: cipherKey,
                    nonce: EncryptedMessage.nonce(of: trailer),
                    associatedData: associatedData.bytes.span
                )
            }
            for index in trailer.indices { output.append(trailer[index]) }
        }
        return Ciphertext(bytes)
    }

    /// Decrypts a ciphertext in any of the three formats.
    func open(
        _ ciphertext: Ciphertext,
        associatedData: AssociatedData
    ) throws(CryptographyError) -> Secret {
        guard let message = EncryptedMessage(ciphertext) else { throw .notAuthentic }
        let aead: AEAD
        let cipherKey: Secret
        switch message.algorithm {
        case .aes256:
            aead = self.aes
            cipherKey = try self.authenticator.code(of: message.iv.span, into: self.memory)
        case .chaCha20:
            aead = self.chaCha20
            cipherKey = try self.hChaCha20.deriveKey(from: self.key.value, iv: message.iv, into: self.memory)
        }
        return try aead.open(
            message.body.span,
            key: cipherKey,
            nonce: message.nonce,
            associatedData: associatedData.bytes.span,
            into: self.memory
        )
    }

    /// HMAC-SHA-256 of a message under the static key itself.
    func code(of message: [UInt8]) throws(CryptographyError) -> Secret {
        try self.authenticator.code(of: message.span, into: self.memory)
    }
}
