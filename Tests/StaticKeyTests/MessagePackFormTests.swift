// SPDX-License-Identifier: Apache-2.0

import KeyService
import StaticKey
import Testing

/// What is read as MessagePack. All of it is what KES sealed with its samples' key, C2 and C4, spelt otherwise.
struct MessagePackFormTests {
    private static let iv = (0xa0...0xaf).map { UInt8($0) }
    private static let nonce = (0xc0...0xcb).map { UInt8($0) }
    private static let aesBody = bytes(base64: "e3lmf7+TAUIJTIiNk848zxZhxoRPeKdrwID+Vl64R9EfQzUZSGnuPkqAkLzZmmUy")
    private static let chaCha20Body = bytes(base64: "+QTxVB1P/8Yv5xkPMKGIEMbzIK9M+ltxYQ/7sV2ZD/e1gjpT2ssMUGbFR2EJYyCa")

    /// Strings and byte strings with their lengths in as few bytes as go, or in more.
    private enum Width: CaseIterable {
        case least, one, two, four

        func string(_ text: String) -> [UInt8] {
            let bytes = Array(text.utf8)
            let count = UInt8(bytes.count)
            switch self {
            case .least: return [0xa0 | count] + bytes
            case .one: return [0xd9, count] + bytes
            case .two: return [0xda, 0, count] + bytes
            case .four: return [0xdb, 0, 0, 0, count] + bytes
            }
        }

        func bytes(_ bytes: [UInt8]) -> [UInt8] {
            let count = UInt8(bytes.count)
            switch self {
            case .least, .one: return [0xc4, count] + bytes
            case .two: return [0xc5, 0, count] + bytes
            case .four: return [0xc6, 0, 0, 0, count] + bytes
            }
        }
    }

    private func message(
        _ width: Width = .least,
        algorithm: String = "AES256",
        iv: [UInt8] = Self.iv,
        nonce: [UInt8] = Self.nonce,
        body: [UInt8] = Self.aesBody
    ) -> [UInt8] {
        [0x95] + width.string(algorithm) + width.string("my-key") + width.bytes(iv) + width.bytes(nonce)
            + width.bytes(body)
    }

    private func open(_ ciphertext: [UInt8]) throws -> [UInt8]? {
        try StaticKeyService().open(ciphertext, associatedData: Sample.messagePack.associatedData)
    }

    @Test("Each algorithm has two names, and each length four spellings")
    func names() throws {
        let plaintext = Sample.messagePack.plaintext
        for width in Width.allCases {
            for name in ["AES256", "AES256-GCM_SHA256"] {
                #expect(try self.open(self.message(width, algorithm: name)) == plaintext)
            }
            for name in ["ChaCha20", "XCHACHA20-POLY1305"] {
                #expect(
                    try self.open(self.message(width, algorithm: name, body: Self.chaCha20Body)) == plaintext
                )
            }
        }
    }

    @Test("What is not quite the form does not open")
    func refuses() {
        let refused: [[UInt8]] = [
            self.message(algorithm: "ChaCha20"),
            self.message(body: Self.chaCha20Body),
            self.message(algorithm: "aes256"),
            self.message(algorithm: ""),
            self.message(iv: Self.iv.dropLast()),
            self.message(iv: Self.iv + [0]),
            self.message(nonce: Self.nonce.dropLast()),
            self.message(nonce: Self.nonce + [0]),
            self.message(body: []),
            self.message(body: Self.aesBody.dropLast()),
            self.message() + [0xc0],
            [0x94] + self.message().dropFirst(),
            [0x96] + self.message().dropFirst() + [0xc0],
            [0x95],
            [0x95, 0xdb, 0xff, 0xff, 0xff, 0xff],
            [0x95, 0xa0, 0xa0, 0xc6, 0xff, 0xff, 0xff, 0xff],
            [UInt8](repeating: 0x95, count: 100_000),
        ]
        for ciphertext in refused {
            #expect(throws: KeyServiceError.decryptionFailed) { try self.open(ciphertext) }
        }
    }
}
