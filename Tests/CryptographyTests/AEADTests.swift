// SPDX-License-Identifier: Apache-2.0

import Cryptography
import LockedMemory
import TestSupport
import Testing

struct AEADTests {
    struct Vector: Sendable, CustomTestStringConvertible {
        let source: String
        let algorithm: AEAD.Algorithm
        let key: [UInt8]
        let nonce: [UInt8]
        let associatedData: [UInt8]
        let plaintext: [UInt8]
        let sealed: [UInt8]

        var testDescription: String { self.source }
    }

    static let vectors = [
        Vector(
            source: "GCM specification, test case 13: nothing at all",
            algorithm: .aes256GCM,
            key: [UInt8](repeating: 0, count: 32),
            nonce: [UInt8](repeating: 0, count: 12),
            associatedData: [],
            plaintext: [],
            sealed: [UInt8](hex: "530f8afbc74536b9a963b4f1c4cb738b")
        ),
        Vector(
            source: "GCM specification, test case 14: a block of zeroes",
            algorithm: .aes256GCM,
            key: [UInt8](repeating: 0, count: 32),
            nonce: [UInt8](repeating: 0, count: 12),
            associatedData: [],
            plaintext: [UInt8](repeating: 0, count: 16),
            sealed: [UInt8](hex: "cea7403d4d606b6e074ec5d3baf39d18 d0d1c8a799996bf0265b98b5d48ab919")
        ),
        Vector(
            source: "GCM specification, test case 16: 60 bytes with associated data",
            algorithm: .aes256GCM,
            key: [UInt8](hex: "feffe9928665731c6d6a8f9467308308 feffe9928665731c6d6a8f9467308308"),
            nonce: [UInt8](hex: "cafebabefacedbaddecaf888"),
            associatedData: [UInt8](hex: "feedfacedeadbeeffeedfacedeadbeefabaddad2"),
            plaintext: [UInt8](
                hex: """
                    d9313225f88406e5a55909c5aff5269a 86a7a9531534f7da2e4c303d8a318a72
                    1c3c0c95956809532fcf0e2449a6b525 b16aedf5aa0de657ba637b39
                    """
            ),
            sealed: [UInt8](
                hex: """
                    522dc1f099567d07f47f37a32a84427d 643a8cdcbfe5c0c97598a2bd2555d1aa
                    8cb08e48590dbb3da7b08b1056828838 c5f61e6393ba7a0abcc9f662
                    76fc6ece0f4e1768cddf8853bb2d551b
                    """
            )
        ),
        Vector(
            source: "RFC 8439, section 2.8.2",
            algorithm: .chaCha20Poly1305,
            key: [UInt8](hex: "808182838485868788898a8b8c8d8e8f 909192939495969798999a9b9c9d9e9f"),
            nonce: [UInt8](hex: "070000004041424344454647"),
            associatedData: [UInt8](hex: "50515253c0c1c2c3c4c5c6c7"),
            plaintext: Array(
                ("Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
                    + "sunscreen would be it.")
                    .utf8
            ),
            sealed: [UInt8](
                hex: """
                    d31a8d34648e60db7b86afbc53ef7ec2 a4aded51296e08fea9e2b5a736ee62d6
                    3dbea45e8ca9671282fafb69da92728b 1a71de0a9e060b2905d6a5b67ecd3b36
                    92ddbd7f2d778b8c9803aee328091b58 fab324e4fad675945585808b4831d7bc
                    3ff4def08e4b7a9de576d26586cec64b 6116
                    1ae10b594f09e26a7e902ecbd0600691
                    """
            )
        ),
    ]

    @Test("A published message is sealed and opened as published", arguments: Self.vectors)
    func vector(_ vector: Vector) throws {
        let memory = try SharedMemory.secrets
        let aead = try AEAD(vector.algorithm)
        let key = try Secret(vector.key, in: memory)
        let nonce = AEAD.Nonce(vector.nonce)

        let sealed = try aead.seal(vector.plaintext, key: key, nonce: nonce, associatedData: vector.associatedData)
        #expect(sealed == vector.sealed)

        let opened = try aead.open(
            vector.sealed.span,
            key: key,
            nonce: nonce,
            associatedData: vector.associatedData.span,
            into: memory
        )
        #expect(opened.array == vector.plaintext)
    }

    @Test(
        "No bit of a message, its nonce, its key or its associated data may change",
        arguments: AEAD.Algorithm.allCases
    )
    func tampering(_ algorithm: AEAD.Algorithm) throws {
        let memory = try SharedMemory.secrets
        let aead = try AEAD(algorithm)
        let message = try Message(aead: aead, memory: memory)

        for bit in 0..<message.sealed.count * 8 { try message.expectRefusal { $0.sealed.flip(bit) } }
        for bit in 0..<message.associatedData.count * 8 { try message.expectRefusal { $0.associatedData.flip(bit) } }
        for bit in 0..<message.nonce.count * 8 { try message.expectRefusal { $0.nonce.flip(bit) } }
        for bit in 0..<message.key.count * 8 { try message.expectRefusal { $0.key.flip(bit) } }
        // The same contexts, after all these refusals.
        #expect(try message.open() == message.plaintext)
    }

    @Test("A message is refused when it is cut or has grown", arguments: AEAD.Algorithm.allCases)
    func lengths(_ algorithm: AEAD.Algorithm) throws {
        let message = try Message(aead: try AEAD(algorithm), memory: try SharedMemory.secrets)
        for byteCount in 0..<message.sealed.count {
            try message.expectRefusal { $0.sealed.removeLast($0.sealed.count - byteCount) }
            try message.expectRefusal { $0.sealed.removeFirst($0.sealed.count - byteCount) }
        }
        try message.expectRefusal { $0.sealed.append(0) }
        try message.expectRefusal { $0.associatedData.append(0) }
        try message.expectRefusal { $0.associatedData = [] }
    }

    @Test("Sealing and opening take turns on the same contexts", arguments: AEAD.Algorithm.allCases)
    func turns(_ algorithm: AEAD.Algorithm) throws {
        let aead = try AEAD(algorithm)
        for byteCount in [0, 1, 15, 16, 17, 32, 64, 1000, 100_000] {
            let message = try Message(aead: aead, memory: try SharedMemory.secrets, plaintextByteCount: byteCount)
            #expect(message.sealed.count == byteCount + AEAD.tagByteCount)
            #expect(try message.open() == message.plaintext)
        }
    }

    @Test("Nothing of a refused message stays in use", arguments: AEAD.Algorithm.allCases)
    func refusalReleases(_ algorithm: AEAD.Algorithm) throws {
        _ = try SharedMemory.secrets
        SharedMemory.giveToOpenSSL()
        let memory = try SecretMemory(slotCount: 4, allowUnlocked: true)
        var message = try Message(aead: try AEAD(algorithm), memory: memory)
        message.sealed.flip(0)
        #expect(throws: CryptographyError.notAuthentic) { try message.open() }
        #expect(memory.slotsInUse == 0)
    }

    @Test("Without locked memory for the plaintext there is none")
    func exhaustion() throws {
        _ = try SharedMemory.secrets
        SharedMemory.giveToOpenSSL()
        let memory = try SecretMemory(slotCount: 1, allowUnlocked: true)
        let message = try Message(aead: try AEAD(.aes256GCM), memory: memory)
        #expect(throws: CryptographyError.memory(.exhausted)) { try message.open() }
    }
}

/// A message with all that it takes to open it.
private struct Message {
    let aead: AEAD
    let memory: SecretMemory
    let plaintext: [UInt8]
    var key = (0..<32).map { UInt8($0) }
    var nonce = (100..<112).map { UInt8($0) }
    var associatedData = Array(#"{"bucket":"bucket/object"}"#.utf8)
    var sealed: [UInt8] = []

    init(aead: AEAD, memory: SecretMemory, plaintextByteCount: Int = 32) throws {
        self.aead = aead
        self.memory = memory
        self.plaintext = (0..<plaintextByteCount).map { UInt8(truncatingIfNeeded: 7 &* $0) }
        let key = try Secret(self.key, in: memory)
        self.sealed = try aead.seal(
            self.plaintext,
            key: key,
            nonce: AEAD.Nonce(self.nonce),
            associatedData: self.associatedData
        )
    }

    func open() throws -> [UInt8] {
        let key = try Secret(self.key, in: self.memory)
        return try self.aead
            .open(
                self.sealed.span,
                key: key,
                nonce: AEAD.Nonce(self.nonce),
                associatedData: self.associatedData.span,
                into: self.memory
            )
            .array
    }

    func expectRefusal(_ change: (inout Self) -> Void, sourceLocation: SourceLocation = #_sourceLocation) throws {
        var changed = self
        change(&changed)
        #expect(throws: CryptographyError.notAuthentic, sourceLocation: sourceLocation) { try changed.open() }
    }
}

extension AEAD {
    fileprivate func seal(
        _ plaintext: [UInt8],
        key: borrowing Secret,
        nonce: Nonce,
        associatedData: [UInt8]
    ) throws -> [UInt8] {
        try [UInt8](capacity: plaintext.count + Self.tagByteCount) { output in
            try self.seal(
                plaintext.span,
                appendingTo: &output,
                key: key,
                nonce: nonce,
                associatedData: associatedData.span
            )
        }
    }
}

extension [UInt8] {
    fileprivate mutating func flip(_ bit: Int) { self[bit / 8] ^= 1 << (bit % 8) }
}
