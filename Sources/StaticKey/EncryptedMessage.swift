// SPDX-License-Identifier: Apache-2.0

import Cryptography
import KeyService

/// The parts of a ciphertext. There are three formats; all are read.
///
/// The binary format is the current one: `body ‖ IV (16 bytes) ‖ nonce (12 bytes)`, always AES. It has no marker. The
/// other two are recognised by their first bytes, which a binary ciphertext can have by chance; so bytes that do not
/// parse as one of them are read as binary.
struct EncryptedMessage {
    typealias InitializationVector = HChaCha20.InitializationVector
    /// The bytes that follow the body in the binary format.
    typealias Trailer = InlineArray<28, UInt8>

    let algorithm: KeyAlgorithm
    let iv: InitializationVector
    let nonce: AEAD.Nonce
    /// The ciphertext proper and its authentication tag.
    let body: ArraySlice<UInt8>
}

extension EncryptedMessage {
    /// Nil if the bytes are too few for any format.
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
