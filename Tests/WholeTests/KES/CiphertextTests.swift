// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// What opens and what does not, over the socket: a static key reads all that KES and MinIO ever wrote with it.
@Suite struct CiphertextTests {
    private let notAuthentic = "decryption failed: ciphertext is not authentic"

    @Test(
        arguments: [
            ("binary", Vector.binary),
            ("MessagePack", Vector.messagePack(algorithm: "AES256")),
            ("MessagePack, other name", Vector.messagePack(algorithm: "AES256-GCM_SHA256")),
            ("JSON", Vector.json(aead: "AES-256-GCM-HMAC-SHA-256")),
        ]
    )
    func everyFormOfOneCiphertextOpens(form: String, ciphertext: [UInt8]) throws {
        let answer = try SharedAgent.running.ask(.decrypt(ciphertext: ciphertext, context: Vector.context))
        #expect(answer.status == 200)
        #expect(answer.text == "{\"plaintext\":\"QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8=\"}\n")
    }

    @Test func anEmptyPlaintextOpens() throws {
        let answer = try SharedAgent.running.ask(.decrypt(ciphertext: Vector.empty))
        #expect(answer.text == "{\"plaintext\":\"\"}\n")
    }

    @Test(
        arguments: [
            ("MessagePack, unknown algorithm", Vector.messagePack(algorithm: "FOO")),
            ("JSON, unknown algorithm", Vector.json(aead: "AES256")),
            ("another cipher", Vector.chaCha20),
            ("nothing", []),
            ("an IV and a nonce alone", [UInt8](repeating: 0, count: 28)),
            ("MessagePack with something behind it", Vector.messagePack(algorithm: "AES256") + [0]),
            ("JSON with a line feed behind it", Vector.json(aead: "AES-256-GCM-HMAC-SHA-256") + [0x0a]),
        ]
    )
    func whatWasNotSealedLikeThisIsNotAuthentic(what: String, ciphertext: [UInt8]) throws {
        let answer = try SharedAgent.running.ask(.decrypt(ciphertext: ciphertext, context: Vector.context))
        expect(answer, refuses: 400, self.notAuthentic)
    }

    @Test func noByteOfACiphertextCanBeChangedCutOffOrAdded() throws {
        let flipped = Vector.binary.indices.map { index in
            var ciphertext = Vector.binary
            ciphertext[index] ^= 1
            return ciphertext
        }
        let cut = Vector.binary.indices.map { Array(Vector.binary[..<$0]) }
        let damaged = flipped + cut + [Vector.binary + [0]]
        let connection = try SharedAgent.running.connect()
        try connection.send(damaged.flatMap { HTTPRequest.decrypt(ciphertext: $0, context: Vector.context).bytes })
        for (ciphertext, answer) in zip(damaged, try connection.receiveAnswers(damaged.count)) {
            expect(answer, refuses: 400, self.notAuthentic, "\(ciphertext.hex())")
        }
        #expect(try connection.ask(.decrypt(ciphertext: Vector.binary, context: Vector.context)).status == 200)
    }

    /// Contexts are bytes: who reads JSON into them breaks them.
    @Test(
        arguments: [
            ("{\"a\":\"1\",\"b\":\"2\"}", "{\"b\":\"2\",\"a\":\"1\"}"),
            ("{\"a\":\"<\"}", "{\"a\":\"\\u003c\"}"),
            ("{\"a\":\"1\"}", "{\"a\": \"1\"}"),
            ("{}", ""), ("", "{}"), ("a", "A"), ("\u{0}", ""),
        ]
    )
    func anotherContextIsRefusedHoweverMuchAlike(sealedWith: String, openedWith: String) throws {
        let connection = try SharedAgent.running.connect()
        let dataKey = try connection.ask(.generate(context: Array(sealedWith.utf8)))
        let ciphertext = try #require(dataKey.bytes("ciphertext"))
        let other = try connection.ask(.decrypt(ciphertext: ciphertext, context: Array(openedWith.utf8)))
        expect(other, refuses: 400, self.notAuthentic)
        let same = try connection.ask(.decrypt(ciphertext: ciphertext, context: Array(sealedWith.utf8)))
        #expect(same.bytes("plaintext") == dataKey.bytes("plaintext"))
    }

    @Test func anotherKeyNameIsNotFound() throws {
        let answer = try SharedAgent.running.ask(
            .decrypt("other-key", ciphertext: Vector.binary, context: Vector.context))
        expect(answer, refuses: 404, "key does not exist")
    }

    @Test func aLongContextCountsToItsLastByte() throws {
        var context = [UInt8].random(500_000)
        let connection = try SharedAgent.running.connect()
        let dataKey = try connection.ask(.generate(context: context))
        let ciphertext = try #require(dataKey.bytes("ciphertext"))
        #expect(try connection.ask(.decrypt(ciphertext: ciphertext, context: context)).status == 200)
        context[context.count - 1] ^= 1
        let answer = try connection.ask(.decrypt(ciphertext: ciphertext, context: context))
        expect(answer, refuses: 400, self.notAuthentic)
    }

    @Test func twoDataKeysAreNeverAlike() throws {
        let connection = try SharedAgent.running.connect()
        try connection.send((0..<100).flatMap { _ in HTTPRequest.generate().bytes })
        let answers = try connection.receiveAnswers(100)
        #expect(answers.allSatisfy { $0.isDataKey })
        #expect(Set(answers.compactMap { $0.bytes("plaintext") }).count == 100)
        #expect(Set(answers.compactMap { $0.bytes("ciphertext")?.suffix(28) }).count == 100, "IV and nonce")
    }
}
