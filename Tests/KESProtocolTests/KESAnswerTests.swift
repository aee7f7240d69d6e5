// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import KESProtocol
import KeyService
import LockedMemory
import TestSupport
import Testing

@Suite struct KESAnswerTests {
    private let memory: SecretMemory

    init() throws { self.memory = try SecretMemory(slotCount: 16, allowUnlocked: true) }

    // MARK: Answers that carry keys

    @Test("a data key's answer is 181 bytes, and comes back as it was")
    func generateKey() throws {
        let plaintext = Array(0x40...0x5F as ClosedRange<UInt8>)
        let ciphertext = [UInt8](repeating: 0xA5, count: 76)
        let answer = KESAnswer.GenerateKey(
            DataKey(plaintext: try Secret(plaintext, in: self.memory), ciphertext: Ciphertext(ciphertext))
        )
        let body = encoded(answer)
        #expect(
            text(body) == #"{"plaintext":"QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8=","ciphertext":""#
                + Base64.encode(ciphertext) + "\"}\n"
        )
        #expect(body.count == 181)

        let dataKey = try KESAnswer.GenerateKey(decoding: body.span, memory: self.memory).takeDataKey()
        #expect(dataKey.plaintext.array == plaintext)
        #expect(dataKey.ciphertext.bytes == ciphertext)
    }

    @Test("a decrypted data key's answer is 61 bytes; an empty plaintext is one too")
    func decrypt() throws {
        let plaintext = Array(0x40...0x5F as ClosedRange<UInt8>)
        let body = encoded(KESAnswer.Decrypt(try Secret(plaintext, in: self.memory)))
        #expect(text(body) == "{\"plaintext\":\"QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8=\"}\n")
        #expect(body.count == 61)
        #expect(try KESAnswer.Decrypt(decoding: body.span, memory: self.memory).takePlaintext().array == plaintext)

        let empty = encoded(KESAnswer.Decrypt(try Secret([], in: self.memory)))
        #expect(text(empty) == "{\"plaintext\":\"\"}\n")
        #expect(try KESAnswer.Decrypt(decoding: empty.span, memory: self.memory).plaintext.byteCount == 0)
    }

    @Test("a MAC's answer is 56 bytes")
    func hmac() throws {
        let code = Array(0..<32 as Range<UInt8>)
        let body = encoded(KESAnswer.HMAC(try Secret(code, in: self.memory)))
        #expect(text(body) == "{\"hmac\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"}\n")
        #expect(body.count == 56)
        #expect(try KESAnswer.HMAC(decoding: body.span, memory: self.memory).takeCode().array == code)
    }

    @Test("a ciphertext's answer")
    func encrypt() throws {
        let answer = KESAnswer.Encrypt(Ciphertext([1, 2, 3, 4]))
        #expect(text(encoded(answer)) == "{\"ciphertext\":\"AQIDBA==\"}\n")
        #expect(try KESAnswer.Encrypt(decoding: encoded(answer).span) == answer)
    }

    @Test("a client passes over what it does not know and takes names in any case")
    func lenient() throws {
        let body = Array(#"{"version":"v1","PLAINTEXT":"AAEC","x":{"plaintext":"AA=="}} "#.utf8)
        #expect(try KESAnswer.Decrypt(decoding: body.span, memory: self.memory).plaintext.array == [0, 1, 2])
    }

    @Test("a client refuses answers without what it asked for, which KES's own takes for empty")
    func incomplete() {
        let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
        for (body, reason) in [
            ("{}", KESAnswer.Unusable.incomplete(missing: "plaintext")),
            ("null", .incomplete(missing: "plaintext")),
            (#"{"ciphertext":"AA=="}"#, .incomplete(missing: "plaintext")),
            (#"{"plaintext":null,"ciphertext":"AA=="}"#, .incomplete(missing: "plaintext")),
            (#"{"plaintext":"\#(key)"}"#, .incomplete(missing: "ciphertext")),
            (#"{"plaintext":"AAEC","ciphertext":"AA=="}"#, .wrongLength(of: "plaintext", byteCount: 3)),
            (#"{"plaintext":"","ciphertext":"AA=="}"#, .wrongLength(of: "plaintext", byteCount: 0)),
            ("", .unreadable(.malformed(offset: 0, expected: .object))),
        ] {
            #expect(throws: reason) {
                _ = try KESAnswer.GenerateKey(decoding: Array(body.utf8).span, memory: self.memory)
            }
        }
        let empty = Array("{}".utf8)
        #expect(throws: KESAnswer.Unusable.incomplete(missing: "plaintext")) {
            _ = try KESAnswer.Decrypt(decoding: empty.span, memory: self.memory)
        }
        #expect(throws: KESAnswer.Unusable.incomplete(missing: "ciphertext")) {
            try KESAnswer.Encrypt(decoding: empty.span)
        }
        #expect(throws: KESAnswer.Unusable.incomplete(missing: "hmac")) {
            _ = try KESAnswer.HMAC(decoding: empty.span, memory: self.memory)
        }
        #expect(throws: KESAnswer.Unusable.wrongLength(of: "hmac", byteCount: 0)) {
            _ = try KESAnswer.HMAC(decoding: Array(#"{"hmac":""}"#.utf8).span, memory: self.memory)
        }
        #expect(self.memory.slotsInUse == 0)
    }

    @Test("an answer cut short anywhere is of no use")
    func truncation() throws {
        let dataKey = DataKey(
            plaintext: try Secret(Array(0..<32), in: self.memory),
            ciphertext: Ciphertext(Array(0..<76))
        )
        let generate = encoded(KESAnswer.GenerateKey(dataKey))
        // The last byte is the line end, which may be missing.
        for count in 0..<generate.count - 1 {
            let body = Array(generate[..<count])
            #expect(throws: KESAnswer.Unusable.self) {
                _ = try KESAnswer.GenerateKey(decoding: body.span, memory: self.memory)
            }
            #expect(throws: KESAnswer.Unusable.self) {
                _ = try KESAnswer.Decrypt(decoding: body.span, memory: self.memory)
            }
            #expect(throws: KESAnswer.Unusable.self) { try KESAnswer.Encrypt(decoding: body.span) }
        }
        #expect(self.memory.slotsInUse == 0)
    }
}
