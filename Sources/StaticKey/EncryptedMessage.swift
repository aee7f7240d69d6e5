// SPDX-License-Identifier: Apache-2.0

import Cryptography
import KeyService

/// A ciphertext taken apart. Three forms have been written in the course of time; all are read, whichever wrote them.
///
/// The binary form, the one that is written today, has no mark of its own: `body ‖ IV (16 bytes) ‖ nonce (12 bytes)`, and
/// is AES's. The other two are told by their first bytes, which a binary one may begin with by chance; so what does not
/// read as one of them is binary after all.
struct EncryptedMessage {
    typealias InitializationVector = HChaCha20.InitializationVector
    /// What stands behind the body in the binary form.
    typealias Trailer = InlineArray<28, UInt8>

    let algorithm: KeyAlgorithm
    let iv: InitializationVector
    let nonce: AEAD.Nonce
    /// The enciphered plaintext and its tag.
    let body: ArraySlice<UInt8>
}

extension EncryptedMessage {
    /// Nil if the bytes are too few for any form.
    init?(_ ciphertext: Ciphertext) {
        let bytes = ciphertext.bytes
        if bytes.first == UInt8(ascii: "{"), bytes.last == UInt8(ascii: "}"), let message = Self(json: bytes.span) {
            self = message
        } else if bytes.first == Self.messagePackMark, let message = Self(messagePack: bytes) {
            self = message
        } else {
            self.init(binary: bytes)
        }
    }

    private init?(binary bytes: [UInt8]) {
        guard let trailer = Trailer(bytes.suffix(28)) else { return nil }
        self.init(
            algorithm: .aes256,
            iv: Self.iv(of: trailer),
            nonce: Self.nonce(of: trailer),
            body: bytes.dropLast(28)
        )
    }

    static func iv(of trailer: Trailer) -> InitializationVector { InitializationVector { trailer[$0] } }

    static func nonce(of trailer: Trailer) -> AEAD.Nonce { AEAD.Nonce { trailer[16 + $0] } }
}

extension InlineArray where Element == UInt8 {
    /// Nil unless there are exactly `count` bytes.
    init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count == count else { return nil }
        self.init { bytes[bytes.startIndex + $0] }
    }
}
