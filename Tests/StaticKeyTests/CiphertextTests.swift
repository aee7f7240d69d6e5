// SPDX-License-Identifier: Apache-2.0

import Cryptography
import KeyService
import LockedMemory
import StaticKey
import TestSupport
import Testing

struct CiphertextTests {
    @Test("A ciphertext made elsewhere opens", arguments: Sample.all)
    func opens(_ sample: Sample) async throws {
        let service = try StaticKeyService(key: sample.key)
        #expect(try service.open(sample.ciphertext, associatedData: sample.associatedData) == sample.plaintext)
        // And so it does for those who wait.
        let decryption = try await service.decrypt(
            .own,
            ciphertext: Ciphertext(sample.ciphertext),
            associatedData: AssociatedData(sample.associatedData)
        )
        #expect(decryption.plaintext.array == sample.plaintext)
    }

    @Test("What must not open does not", arguments: Refusal.all)
    func refuses(_ refusal: Refusal) throws {
        let service = try StaticKeyService(key: refusal.key)
        #expect(throws: KeyServiceError.decryptionFailed) {
            try service.open(refusal.ciphertext, associatedData: refusal.associatedData)
        }
    }

    @Test(
        "No byte of a binary ciphertext may change, be missing or be too much",
        arguments: [Sample.binary, Sample.withoutContext]
    )
    func damage(_ sample: Sample) throws {
        let service = try StaticKeyService(key: sample.key)
        var damaged = sample.ciphertext.indices.map { sample.ciphertext.flipping(byte: $0) }
        damaged += sample.ciphertext.indices.map { Array(sample.ciphertext.prefix($0)) }
        damaged += sample.ciphertext.indices.map { Array(sample.ciphertext.dropFirst($0 + 1)) }
        damaged += [sample.ciphertext + [0], [0] + sample.ciphertext]
        for ciphertext in damaged {
            #expect(throws: KeyServiceError.decryptionFailed) {
                try service.open(ciphertext, associatedData: sample.associatedData)
            }
        }
    }

    @Test("A damaged JSON or MessagePack form opens to the same plaintext or not at all", arguments: Sample.forms)
    func damagedForms(_ sample: Sample) throws {
        let service = try StaticKeyService(key: sample.key)
        for index in sample.ciphertext.indices {
            for value: UInt8 in [0x00, 0x20, 0x5c, 0x7b, 0x7d, 0x7f, 0x80, 0x95, 0xc4, 0xc6, 0xdb, 0xff] {
                var damaged = sample.ciphertext
                damaged[index] = value
                try expectSameOrNothing(service, damaged, sample)
                damaged[index] = sample.ciphertext[index] ^ value
                try expectSameOrNothing(service, damaged, sample)
            }
        }
    }

    private func expectSameOrNothing(_ service: StaticKeyService, _ damaged: [UInt8], _ sample: Sample) throws {
        do {
            let plaintext = try service.open(damaged, associatedData: sample.associatedData)
            #expect(plaintext == sample.plaintext, "\(damaged)")
        } catch {
            #expect(error == .decryptionFailed)
        }
    }

    @Test("A JSON or MessagePack form that is cut short does not open", arguments: Sample.forms)
    func cutForms(_ sample: Sample) throws {
        let service = try StaticKeyService(key: sample.key)
        for byteCount in sample.ciphertext.indices {
            let cut = Array(sample.ciphertext.prefix(byteCount))
            #expect(throws: KeyServiceError.decryptionFailed) {
                try service.open(cut, associatedData: sample.associatedData)
            }
            // So that it is tried as JSON; if only a blank was cut off, it is.
            try expectSameOrNothing(service, cut + [UInt8(ascii: "}")], sample)
        }
    }

    @Test("A binary ciphertext may look like another form", arguments: [UInt8(ascii: "{"), 0x95])
    func looksLikeAnother(_ firstByte: UInt8) throws {
        let iv = [UInt8](repeating: 1, count: 16)
        let nonce = AEAD.Nonce(repeating: UInt8(ascii: "}"))
        var plaintext = [UInt8](repeating: 0, count: 32)
        // GCM adds a key stream: the plaintext decides which byte a ciphertext begins with.
        plaintext[0] = try self.seal(plaintext, iv: iv, nonce: nonce)[0] ^ firstByte
        let ciphertext = try self.seal(plaintext, iv: iv, nonce: nonce)

        #expect(ciphertext.first == firstByte && ciphertext.last == UInt8(ascii: "}"))
        #expect(try StaticKeyService().open(ciphertext, associatedData: []) == plaintext)
    }

    /// What an object store would make of `plaintext` with key K2.
    private func seal(_ plaintext: [UInt8], iv: [UInt8], nonce: AEAD.Nonce) throws -> [UInt8] {
        let memory = try SharedMemory.secrets
        let staticKey = try SharedSecret(keys.k2, in: memory)
        let cipherKey = try HMACSHA256(key: staticKey).code(of: iv.span, into: memory)
        let aead = try AEAD(.aes256GCM)
        let noContext: [UInt8] = []
        let body = try [UInt8](capacity: plaintext.count + AEAD.tagByteCount) { output in
            try aead.seal(
                plaintext.span,
                appendingTo: &output,
                key: cipherKey,
                nonce: nonce,
                associatedData: noContext.span
            )
        }
        return body + iv + nonce.indices.map { nonce[$0] }
    }
}
