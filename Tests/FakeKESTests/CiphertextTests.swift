// SPDX-License-Identifier: Apache-2.0

import FakeKES
import KeyService
import TestSupport
import Testing

/// The published vectors: key `00 … 1f`, IV `a0 … af`, nonce `c0 … cb`, plaintext `40 … 5f`.
struct CiphertextTests {
    private static let aes = WorkedExchangeTests.ciphertext
    private static let chaCha20 =
        "+QTxVB1P/8Yv5xkPMKGIEMbzIK9M+ltxYQ/7sV2ZD/e1gjpT2ssMUGbFR2EJYyCaoKGio6SlpqeoqaqrrK2ur8DBwsPExcbHyMnKyw=="
    private static let empty = [UInt8](
        hex: "6b5d2b36967a3b376bdf42df30be2697a0a1a2a3a4a5a6a7a8a9aaabacadaeafc0c1c2c3c4c5c6c7c8c9cacb")

    private static func messagePack(_ algorithm: String) -> String {
        let parts = [UInt8](base64: Self.aes) ?? []
        let mark = [0x95, 0xa0 | UInt8(algorithm.utf8.count)] + Array(algorithm.utf8)
        return
            (mark + [0xa0, 0xc4, 0x10] + parts[48..<64] + [0xc4, 0x0c] + parts[64...] + [0xc4, 0x30] + parts[..<48])
            .base64
    }

    private static func json(_ aead: String) -> String {
        let text = """
            {"aead":"\(aead)","id":"","iv":"oKGio6SlpqeoqaqrrK2urw==","nonce":"wMHCw8TFxsfIycrL",\
            "bytes":"e3lmf7+TAUIJTIiNk848zxZhxoRPeKdrwID+Vl64R9EfQzUZSGnuPkqAkLzZmmUy"}
            """
        return Array(text.utf8).base64
    }

    private static func decrypt(_ client: Client, _ key: String, _ ciphertext: String, context: String) throws
        -> HTTPAnswer
    {
        try client.ask(
            "POST", "/v1/key/decrypt/\(key)", #"{"ciphertext":"\#(ciphertext)","context":"\#(context)"}"#)
    }

    @Test("Every form opens under the key's own cipher, whatever it names")
    func opens() async throws {
        try await withServer { server in
            try server.keys.put(try #require(KeyName("chacha")), bytes: FakeKES.knownKey, algorithm: .chaCha20)
            let client = try Client(server)
            for (key, ciphertext) in [
                ("my-key", Self.aes), ("my-key", Self.messagePack("AES256")), ("my-key", Self.messagePack("ChaCha20")),
                ("my-key", Self.json("AES-256-GCM-HMAC-SHA-256")), ("chacha", Self.chaCha20),
            ] {
                let answer = try Self.decrypt(client, key, ciphertext, context: WorkedExchangeTests.context)
                #expect(answer.bytes("plaintext") == [UInt8](0x40...0x5f), "\(key) \(ciphertext)")
            }
            #expect(try Self.decrypt(client, "my-key", Self.empty.base64, context: "").bytes("plaintext") == [])
        }
    }

    @Test("What no KES has written does not open")
    func refuses() async throws {
        try await withServer { server in
            let client = try Client(server)
            for ciphertext in [Self.messagePack("FOO"), Self.json("AES256"), Self.chaCha20, "", "AAAA"] {
                let answer = try Self.decrypt(client, "my-key", ciphertext, context: WorkedExchangeTests.context)
                #expect(answer.message == "decryption failed: ciphertext is not authentic", "\(ciphertext)")
            }
        }
    }

    @Test(
        "What it seals it opens, and authenticates messages by another key",
        arguments: [KeyAlgorithm.aes256, .chaCha20])
    func seals(_ algorithm: KeyAlgorithm) async throws {
        try await withServer { server in
            try server.keys.put(try #require(KeyName("key")), algorithm: algorithm)
            let client = try Client(server, .http2)
            let sealed = try client.ask("PUT", "/v1/key/encrypt/key", #"{"plaintext":"aGVsbG8=","context":"e30="}"#)
            let ciphertext = try #require(sealed.bytes("ciphertext"))
            #expect(ciphertext.count == 5 + 44)
            let opened = try Self.decrypt(client, "key", ciphertext.base64, context: "e30=")
            #expect(opened.bytes("plaintext") == Array("hello".utf8))
            let codes = try (1...2).map { _ in try client.ask("PUT", "/v1/key/hmac/key", #"{"message":"aGVsbG8="}"#) }
            #expect(codes[0].bytes("hmac")?.count == 32 && codes[0].body == codes[1].body)
        }
    }
}
