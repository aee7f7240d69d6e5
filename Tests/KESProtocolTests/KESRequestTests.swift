// SPDX-License-Identifier: Apache-2.0

import KESProtocol
import KeyService
import LockedMemory
import Primitives
import TestSupport
import Testing

@Suite struct KESRequestTests {
    private let memory: SecretMemory

    init() throws { self.memory = try SecretMemory(slotCount: 16, allowUnlocked: true) }

    // MARK: What is accepted

    @Test("generate with an empty body of unknown length is refused: the context may have been lost on the way")
    func emptyBodyOfUnknownLength() {
        let body: [UInt8] = []
        #expect(throws: KESFailure(status: 400, message: "invalid request body")) {
            try KESRequest.GenerateKey(decoding: body.span, lengthWasAnnounced: false)
        }
    }

    @Test("generate with an empty body that was announced has no context")
    func emptyBodyThatWasAnnounced() throws {
        let body: [UInt8] = []
        let request = try KESRequest.GenerateKey(decoding: body.span, lengthWasAnnounced: true)
        #expect(request.associatedData == AssociatedData())
    }

    static let contextMembers: [(String, [UInt8])] = [
        ("", []),
        (#""context":null"#, []),
        (#""context":"""#, []),
        (#""context":"e30=""#, Array("{}".utf8)),
        (#""CONTEXT":"e30=""#, Array("{}".utf8)),
        (#""c\u006fntext":"e30=""#, Array("{}".utf8)),
        (#""context":"e30=","x":[1,{}]"#, Array("{}".utf8)),
        (#""x":{"context":"AAAA"},"context":"e30=""#, Array("{}".utf8)),
        (#""context":"eyJhIjoiXHUwMDNjIn0=""#, Array(#"{"a":"\u003c"}"#.utf8)),
        (#""context":"eyJhIjoiPCJ9""#, Array(#"{"a":"<"}"#.utf8)),
        (#""context":"\/\/8=""#, [0xFF, 0xFF]),
        (#""context":"e3\n0=\r\n""#, Array("{}".utf8)),
        (#""version":"v1","context":"e30=""#, Array("{}".utf8)),
        (#""version":null"#, []),
    ]

    @Test("a context is taken byte by byte; absent, null and empty are the same", arguments: Self.contextMembers)
    func contexts(members: String, context: [UInt8]) throws {
        let more = members.isEmpty ? "" : ",\(members)"
        let generate = try KESRequest.GenerateKey(decoding: Array("{\(members)}".utf8).span, lengthWasAnnounced: false)
        #expect(generate.associatedData.bytes == context)
        let decrypt = try KESRequest.Decrypt(decoding: Array(#"{"ciphertext":"AAEC"\#(more)}"#.utf8).span)
        #expect(
            decrypt
                == KESRequest.Decrypt(
                    ciphertext: Ciphertext([0, 1, 2]),
                    associatedData: AssociatedData(context)
                )
        )
        let encrypt = try KESRequest.Encrypt(
            decoding: Array(#"{"plaintext":"AAEC"\#(more)}"#.utf8).span,
            memory: self.memory
        )
        #expect(encrypt.plaintext.array == [0, 1, 2])
        #expect(encrypt.associatedData.bytes == context)
    }

    @Test("nothing but the first value is read, and a whole body of null is an empty object")
    func firstValue() throws {
        for body in ["null", "null null", " { } ]", "{}\0", #"{"context":""}{"context":5}"#] {
            let request = try KESRequest.GenerateKey(decoding: Array(body.utf8).span, lengthWasAnnounced: false)
            #expect(request.associatedData == AssociatedData())
        }
    }

    @Test("members that are absent are zero bytes")
    func absentMembers() throws {
        for body in ["{}", "null", #"{"plaintext":null,"ciphertext":null,"message":null}"#] {
            let body = Array(body.utf8)
            #expect(try KESRequest.Encrypt(decoding: body.span, memory: self.memory).plaintext.byteCount == 0)
            #expect(try KESRequest.Decrypt(decoding: body.span).ciphertext == Ciphertext([]))
            #expect(try KESRequest.HMAC(decoding: body.span).message == [])
        }
    }

    // MARK: What is refused

    static let damaged: [[UInt8]] =
        [
            " ", "[]", #""x""#, "5", "true", "{", "{'context':''}", #"{"context":"e30=",}"#, "\u{FEFF}{}",
            #"{"NAME":"e30"}"#, #"{"NAME":"e3_="}"#, #"{"NAME":"e30= "}"#, #"{"NAME":5}"#, #"{"NAME":[123,125]}"#,
            #"{"NAME":{}}"#, #"{"NAME":true}"#, #"{"NAME":"e30=""#, #"{"NAME":"\ud800"}"#, #"{"x":"\ud800"}"#,
            #"{"NAME":"e30=","NAME":"e30="}"#, #"{"x":"# + String(repeating: "[", count: 10_000),
            #"{"x":"# + String(repeating: "[", count: 10_000) + String(repeating: "]", count: 10_000) + "}",
        ]
        .map { Array($0.utf8) } + [
            Array(#"{"x":""#.utf8) + [0xFF] + Array(#""}"#.utf8),
            Array(#"{"NAME":""#.utf8) + [0xC3] + Array(#""}"#.utf8),
            // The beginning of any gzip stream.
            [0x1F, 0x8B, 0x08, 0, 0, 0, 0, 0, 0, 3, 0xAB, 0x56],
        ]

    @Test("a body that is not what it should be is refused, in each member", arguments: Self.damaged)
    func refused(template: [UInt8]) {
        let refusal = KESFailure(status: 400, message: "invalid request body")
        func body(_ name: String) -> [UInt8] {
            let parts = template.split(separator: Array("NAME".utf8), omittingEmptySubsequences: false)
            return Array(parts.joined(separator: Array(name.utf8)))
        }
        #expect(throws: refusal) {
            try KESRequest.GenerateKey(decoding: body("context").span, lengthWasAnnounced: true)
        }
        for name in ["ciphertext", "context"] {
            #expect(throws: refusal) { try KESRequest.Decrypt(decoding: body(name).span) }
        }
        for name in ["plaintext", "context"] {
            #expect(throws: refusal) { _ = try KESRequest.Encrypt(decoding: body(name).span, memory: self.memory) }
        }
        #expect(throws: refusal) { try KESRequest.HMAC(decoding: body("message").span) }
        #expect(throws: KESFailure(status: 400, message: "invalid import key request body")) {
            _ = try KESRequest.ImportKey(decoding: body("key").span, memory: self.memory)
        }
        #expect(self.memory.slotsInUse == 0)
    }

    @Test("an empty body is refused wherever something must be in it")
    func emptyBodies() {
        let body: [UInt8] = []
        let refusal = KESFailure(status: 400, message: "invalid request body")
        #expect(throws: refusal) { try KESRequest.Decrypt(decoding: body.span) }
        #expect(throws: refusal) { _ = try KESRequest.Encrypt(decoding: body.span, memory: self.memory) }
        #expect(throws: refusal) { try KESRequest.HMAC(decoding: body.span) }
        #expect(throws: KESFailure(status: 400, message: "invalid import key request body")) {
            _ = try KESRequest.ImportKey(decoding: body.span, memory: self.memory)
        }
    }

    @Test("a version that is no string is refused")
    func versions() {
        let body = Array(#"{"version":1}"#.utf8)
        #expect(throws: KESFailure.self) { try KESRequest.GenerateKey(decoding: body.span, lengthWasAnnounced: true) }
        #expect(throws: KESFailure.self) { try KESRequest.Decrypt(decoding: body.span) }
        #expect(throws: KESFailure.self) { _ = try KESRequest.Encrypt(decoding: body.span, memory: self.memory) }
        #expect(throws: KESFailure.self) { try KESRequest.HMAC(decoding: body.span) }
    }

    @Test("without locked memory the answer is to come again")
    func noMemory() throws {
        let full = try SecretMemory(slotCount: 1, allowUnlocked: true)
        let taken = try Secret(byteCount: 1, in: full)
        let body = Array(#"{"plaintext":"AAEC","key":"AAEC"}"#.utf8)
        let overload = KESFailure(.outOfMemory, at: .encrypt)
        #expect(throws: overload) { _ = try KESRequest.Encrypt(decoding: body.span, memory: full) }
        #expect(throws: overload) { _ = try KESRequest.Encrypt(decoding: Array("{}".utf8).span, memory: full) }
        #expect(throws: overload) { _ = try KESRequest.ImportKey(decoding: body.span, memory: full) }
        #expect(taken.byteCount == 1)
    }

    // MARK: Import

    static let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

    @Test(
        "an imported key has 32 bytes, and a cipher by either of its names",
        arguments: [
            ("AES256", .aes256), ("AES256-GCM_SHA256", .aes256), ("ChaCha20", .chaCha20),
            ("XCHACHA20-POLY1305", .chaCha20),
        ] as [(String, KeyAlgorithm)]
    )
    func importKey(cipher: String, algorithm: KeyAlgorithm) throws {
        let body = Array(#"{"key":"\#(Self.key)","cipher":"\#(cipher)","version":1}"#.utf8)
        let request = try KESRequest.ImportKey(decoding: body.span, memory: self.memory)
        #expect(request.key.array == Array(0..<32))
        #expect(request.algorithm == algorithm)
    }

    @Test(
        "the cipher is looked at before the key",
        arguments: [
            (#"{"key":"\#(Self.key)"}"#, "algorithm '' is not supported"),
            ("null", "algorithm '' is not supported"),
            (#"{"key":"\#(Self.key)","cipher":"aes256"}"#, "algorithm 'aes256' is not supported"),
            (#"{"key":"AA==","cipher":"AES-256"}"#, "algorithm 'AES-256' is not supported"),
            (#"{"key":"AA==","cipher":"AES256"}"#, "invalid key size for 'AES256'"),
            (#"{"cipher":"ChaCha20"}"#, "invalid key size for 'ChaCha20'"),
            (#"{"key":"","cipher":"ChaCha20"}"#, "invalid key size for 'ChaCha20'"),
        ]
    )
    func importRefused(body: String, message: String) {
        #expect(throws: KESFailure(status: 406, message: message)) {
            _ = try KESRequest.ImportKey(decoding: Array(body.utf8).span, memory: self.memory)
        }
    }

    // MARK: What a client sends

    @Test("what a client encodes is exactly this, and is read back")
    func encoding() throws {
        let context = AssociatedData(Array(#"{"bucket":"bucket/object"}"#.utf8))
        let member = #""context":"eyJidWNrZXQiOiJidWNrZXQvb2JqZWN0In0=""#

        #expect(text(encoded(KESRequest.GenerateKey(associatedData: AssociatedData()))) == "{}")
        let generate = KESRequest.GenerateKey(associatedData: context)
        #expect(text(encoded(generate)) == "{\(member)}")
        #expect(encoded(generate).count == 50)
        #expect(try KESRequest.GenerateKey(decoding: encoded(generate).span, lengthWasAnnounced: true) == generate)

        let decrypt = KESRequest.Decrypt(ciphertext: Ciphertext([1, 2, 3, 4]), associatedData: context)
        #expect(text(encoded(decrypt)) == #"{"ciphertext":"AQIDBA==",\#(member)}"#)
        #expect(try KESRequest.Decrypt(decoding: encoded(decrypt).span) == decrypt)
        let bare = KESRequest.Decrypt(ciphertext: Ciphertext([]), associatedData: AssociatedData())
        #expect(text(encoded(bare)) == #"{"ciphertext":""}"#)

        let encrypt = KESRequest.Encrypt(
            plaintext: try Secret(Array("hello".utf8), in: self.memory),
            associatedData: AssociatedData(Array("{}".utf8))
        )
        #expect(text(encoded(encrypt)) == #"{"plaintext":"aGVsbG8=","context":"e30="}"#)
        let read = try KESRequest.Encrypt(decoding: encoded(encrypt).span, memory: self.memory)
        #expect(read.plaintext.array == Array("hello".utf8))

        let hmac = KESRequest.HMAC(message: Array("hello".utf8))
        #expect(text(encoded(hmac)) == #"{"message":"aGVsbG8="}"#)
        #expect(try KESRequest.HMAC(decoding: encoded(hmac).span) == hmac)

        for (algorithm, cipher) in [(KeyAlgorithm.aes256, "AES256"), (.chaCha20, "ChaCha20")] {
            let request = KESRequest.ImportKey(key: try Secret(Array(0..<32), in: self.memory), algorithm: algorithm)
            #expect(text(encoded(request)) == #"{"key":"\#(Self.key)","cipher":"\#(cipher)"}"#)
            let read = try KESRequest.ImportKey(decoding: encoded(request).span, memory: self.memory)
            #expect(read.algorithm == algorithm)
            #expect(read.key.array == Array(0..<32))
        }
    }

    @Test("a plaintext of any length arrives as it was", arguments: [0, 1, 2, 3, 55, 56, 57, 4096, 749_970])
    func longPlaintexts(byteCount: Int) throws {
        var generator = SeededGenerator(seed: UInt64(byteCount))
        let plaintext = generator.bytes(byteCount)
        let request = KESRequest.Encrypt(
            plaintext: try Secret(plaintext, in: self.memory),
            associatedData: AssociatedData()
        )
        let body = encoded(request)
        #expect(body.count <= Operation.encrypt.bodyByteCountMax)
        #expect(try KESRequest.Encrypt(decoding: body.span, memory: self.memory).plaintext.array == plaintext)
    }

    // MARK: Damage

    @Test("a request cut short anywhere is refused")
    func truncation() throws {
        let body =
            Array(
                #"{"plaintext":"AAEC","ciphertext":"AAEC","message":"AAEC","key":"\#(Self.key)","cipher":"AES256","#
                    .utf8
            ) + Array(#""context":"e\u00330=","version":"v1","x":[{"y":-1.5e+3},null,true]}"#.utf8)
        try self.decodeAll(body)
        for count in body.indices {
            let body = Array(body[..<count])
            #expect(throws: KESFailure.self) {
                try KESRequest.GenerateKey(decoding: body.span, lengthWasAnnounced: false)
            }
            #expect(throws: KESFailure.self) { try KESRequest.Decrypt(decoding: body.span) }
            #expect(throws: KESFailure.self) { _ = try KESRequest.Encrypt(decoding: body.span, memory: self.memory) }
            #expect(throws: KESFailure.self) { try KESRequest.HMAC(decoding: body.span) }
            #expect(throws: KESFailure.self) { _ = try KESRequest.ImportKey(decoding: body.span, memory: self.memory) }
        }
    }

    @Test("bytes at random end in a request or a refusal, and leave no secret behind", arguments: UInt64(1)...100)
    func randomBytes(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let valid = Array(#"{"plaintext":"AA\/C","ciphertext":"AAEC","key":"\#(Self.key)","cipher":"AES256"}"#.utf8)
        for _ in 0..<100 {
            var body = valid
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let index = Int.random(in: 0..<body.count, using: &generator)
                body[index] = valid.randomElement(using: &generator) ?? 0
                if Bool.random(using: &generator) { body[index] = UInt8(truncatingIfNeeded: generator.next()) }
            }
            do throws(KESFailure) {
                try self.decodeAll(body)
            } catch {
                #expect([400, 406].contains(error.status), "seed \(seed): \(body)")
            }
        }
        #expect(self.memory.slotsInUse == 0)
    }

    private func decodeAll(_ body: [UInt8]) throws(KESFailure) {
        _ = try KESRequest.GenerateKey(decoding: body.span, lengthWasAnnounced: false)
        _ = try KESRequest.Decrypt(decoding: body.span)
        _ = try KESRequest.Encrypt(decoding: body.span, memory: self.memory)
        _ = try KESRequest.HMAC(decoding: body.span)
        _ = try KESRequest.ImportKey(decoding: body.span, memory: self.memory)
    }
}
