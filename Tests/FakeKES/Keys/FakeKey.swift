// SPDX-License-Identifier: Apache-2.0

import Cryptography
import KeyService
import LockedMemory

/// A key of the server's, and what it does. Ciphertexts are KES's: `body ‖ tag (16) ‖ IV (16) ‖ nonce (12)`.
///
/// Each message has a cipher key of its own: HMAC-SHA-256(key, IV) for AES-256-GCM, HChaCha20(key, IV) for
/// ChaCha20-Poly1305.
final class FakeKey: Sendable {
    let description: KeyDescription
    private let key: SharedSecret
    private let deriver: HMACSHA256
    private let authenticator: HMACSHA256
    private let memory: SecretMemory

    /// - Parameter key: 32 bytes. The key that authenticates messages is another, and random.
    init(
        _ description: KeyDescription, key: consuming Secret, memory: SecretMemory
    ) throws(CryptographyError) {
        self.description = description
        self.key = SharedSecret(key)
        self.deriver = try HMACSHA256(key: self.key)
        self.authenticator = try HMACSHA256(key: SharedSecret(try Randomness.secret(byteCount: 32, in: memory)))
        self.memory = memory
    }

    /// A new random data key.
    func makeDataKey(_ context: AssociatedData) throws(CryptographyError) -> DataKey {
        let plaintext = try Randomness.secret(byteCount: DataKey.byteCount, in: self.memory)
        let ciphertext = try self.seal(plaintext, context)
        return DataKey(plaintext: plaintext, ciphertext: ciphertext)
    }

    func seal(_ plaintext: borrowing Secret, _ context: AssociatedData) throws(CryptographyError) -> Ciphertext {
        let random: InlineArray<28, UInt8> = try Randomness.bytes()
        let iv = HChaCha20.InitializationVector { random[$0] }
        let cipherKey = try self.cipherKey(iv)
        let aead = try self.aead
        let byteCount = plaintext.byteCount + AEAD.tagByteCount + random.count
        let bytes = try [UInt8](capacity: byteCount) { output throws(CryptographyError) in
            try plaintext.withBytes { plaintext throws(CryptographyError) in
                try aead.seal(
                    plaintext, appendingTo: &output, key: cipherKey, nonce: AEAD.Nonce { random[16 + $0] },
                    associatedData: context.bytes.span)
            }
            for index in random.indices { output.append(random[index]) }
        }
        return Ciphertext(bytes)
    }

    /// - Throws: `.notAuthentic` for whatever this key has not sealed with this context.
    func open(_ ciphertext: Ciphertext, _ context: AssociatedData) throws(CryptographyError) -> Secret {
        guard let parts = CiphertextParts(ciphertext) else { throw .notAuthentic }
        return try self.aead.open(
            parts.body.span, key: try self.cipherKey(parts.iv), nonce: parts.nonce,
            associatedData: context.bytes.span, into: self.memory)
    }

    func code(of message: [UInt8]) throws(CryptographyError) -> Secret {
        try self.authenticator.code(of: message.span, into: self.memory)
    }

    private func cipherKey(_ iv: HChaCha20.InitializationVector) throws(CryptographyError) -> Secret {
        switch self.description.algorithm {
        case .aes256, nil: try self.deriver.code(of: iv.span, into: self.memory)
        case .chaCha20: try Ciphers.hChaCha20.get().deriveKey(from: self.key.value, iv: iv, into: self.memory)
        }
    }

    private var aead: AEAD {
        get throws(CryptographyError) {
            switch self.description.algorithm {
            case .aes256, nil: try Ciphers.aes.get()
            case .chaCha20: try Ciphers.chaCha20.get()
            }
        }
    }
}

/// One of each for all keys.
private enum Ciphers {
    static let aes = Self.make { () throws(CryptographyError) in try AEAD(.aes256GCM) }
    static let chaCha20 = Self.make { () throws(CryptographyError) in try AEAD(.chaCha20Poly1305) }
    static let hChaCha20 = Self.make { () throws(CryptographyError) in try HChaCha20() }

    private static func make<Cipher>(
        _ body: () throws(CryptographyError) -> Cipher
    ) -> Result<Cipher, CryptographyError> {
        do throws(CryptographyError) { return .success(try body()) } catch { return .failure(error) }
    }
}
