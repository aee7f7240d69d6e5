// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// What opens and what does not, whichever way it comes: a static key reads all that KES and MinIO ever wrote with it.
@Suite struct CiphertextTests {
    private let notAuthentic = "decryption failed: ciphertext is not authentic"

    @Test(
        arguments: Way.allCases,
        [
            ("binary", Vector.binary),
            ("MessagePack", Vector.messagePack(algorithm: "AES256")),
            ("MessagePack, other name", Vector.messagePack(algorithm: "AES256-GCM_SHA256")),
            ("JSON", Vector.json(aead: "AES-256-GCM-HMAC-SHA-256")),
        ]
    )
    func everyFormOfOneCiphertextOpens(way: Way, sample: (form: String, ciphertext: [UInt8])) throws {
        let answer = try SharedAgent.ask(by: way, .decrypt(ciphertext: sample.ciphertext, context: Vector.context))
        #expect(answer.status == 200)
        #expect(answer.text == "{\"plaintext\":\"QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8=\"}\n")
    }

    @Test(arguments: Way.allCases) func anEmptyPlaintextOpens(way: Way) throws {
        let answer = try SharedAgent.ask(by: way, .decrypt(ciphertext: Vector.empty))
        #expect(answer.text == "{\"plaintext\":\"\"}\n")
    }

    @Test(
        arguments: Way.allCases,
        [
            ("MessagePack, unknown algorithm", Vector.messagePack(algorithm: "FOO")),
            ("JSON, unknown algorithm", Vector.json(aead: "AES256")),
            ("another cipher", Vector.chaCha20),
            ("nothing", []),
            ("an IV and a nonce alone", [UInt8](repeating: 0, count: 28)),
            ("MessagePack with something behind it", Vector.messagePack(algorithm: "AES256") + [0]),
            ("JSON with a line feed behind it", Vector.json(aead: "AES-256-GCM-HMAC-SHA-256") + [0x0a]),
        ]
    )
    func whatWasNotSealedLikeThisIsNotAuthentic(way: Way, sample: (what: String, ciphertext: [UInt8])) throws {
        let answer = try SharedAgent.ask(by: way, .decrypt(ciphertext: sample.ciphertext, context: Vector.context))
        expect(answer, refuses: 400, self.notAuthentic)
    }

    @Test(arguments: Way.allCases) func noByteOfACiphertextCanBeChangedCutOffOrAdded(way: Way) throws {
        let flipped = Vector.binary.indices.map { index in
            var ciphertext = Vector.binary
            ciphertext[index] ^= 1
            return ciphertext
        }
        let cut = Vector.binary.indices.map { Array(Vector.binary[..<$0]) }
        let damaged = flipped + cut + [Vector.binary + [0]]
        let connection = try SharedAgent.connect(by: way)
        try connection.send(damaged.map { .decrypt(ciphertext: $0, context: Vector.context) })
        for (ciphertext, answer) in zip(damaged, try connection.receiveAnswers(damaged.count)) {
            expect(answer, refuses: 400, self.notAuthentic, "\(ciphertext.hex())")
        }
        #expect(try connection.ask(.decrypt(ciphertext: Vector.binary, context: Vector.context)).status == 200)
    }

    /// Contexts are bytes: who reads JSON into them breaks them.
    @Test(
        arguments: Way.allCases,
        [
            ("{\"a\":\"1\",\"b\":\"2\"}", "{\"b\":\"2\",\"a\":\"1\"}"),
            ("{\"a\":\"<\"}", "{\"a\":\"\\u003c\"}"),
            ("{\"a\":\"1\"}", "{\"a\": \"1\"}"),
            ("{}", ""), ("", "{}"), ("a", "A"), ("\u{0}", ""),
        ]
    )
    func anotherContextIsRefusedHoweverMuchAlike(way: Way, contexts: (sealed: String, opened: String)) throws {
        let (sealedWith, openedWith) = contexts
        let connection = try SharedAgent.connect(by: way)
        let dataKey = try connection.ask(.generate(context: Array(sealedWith.utf8)))
        let ciphertext = try #require(dataKey.bytes("ciphertext"))
        let other = try connection.ask(.decrypt(ciphertext: ciphertext, context: Array(openedWith.utf8)))
        expect(other, refuses: 400, self.notAuthentic)
        let same = try connection.ask(.decrypt(ciphertext: ciphertext, context: Array(sealedWith.utf8)))
        #expect(same.bytes("plaintext") == dataKey.bytes("plaintext"))
    }

    @Test(arguments: Way.allCases) func anotherKeyNameIsNotFound(way: Way) throws {
        let answer = try SharedAgent.ask(
            by: way, .decrypt("other-key", ciphertext: Vector.binary, context: Vector.context))
        expect(answer, refuses: 404, "key does not exist")
    }

    @Test(arguments: Way.allCases) func aLongContextCountsToItsLastByte(way: Way) throws {
        var context = [UInt8].random(500_000)
        let connection = try SharedAgent.connect(by: way)
        let dataKey = try connection.ask(.generate(context: context))
        let ciphertext = try #require(dataKey.bytes("ciphertext"))
        #expect(try connection.ask(.decrypt(ciphertext: ciphertext, context: context)).status == 200)
        context[context.count - 1] ^= 1
        let answer = try connection.ask(.decrypt(ciphertext: ciphertext, context: context))
        expect(answer, refuses: 400, self.notAuthentic)
    }

    @Test(arguments: Way.allCases) func twoDataKeysAreNeverAlike(way: Way) throws {
        let connection = try SharedAgent.connect(by: way)
        try connection.send((0..<100).map { _ in .generate() })
        let answers = try connection.receiveAnswers(100)
        #expect(answers.allSatisfy { $0.isDataKey })
        #expect(Set(answers.compactMap { $0.bytes("plaintext") }).count == 100)
        #expect(Set(answers.compactMap { $0.bytes("ciphertext")?.suffix(28) }).count == 100, "IV and nonce")
    }
}
