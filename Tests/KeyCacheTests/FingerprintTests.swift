// SPDX-License-Identifier: Apache-2.0

import KeyService
import Primitives
import TestSupport
import Testing

@testable import KeyCache

@Suite struct FingerprintTests {
    /// `vectors_sip128` of the reference implementation, those for whole words: under the key 00 01 … 0f, of the bytes
    /// 00 01 … up to the length.
    private static let vectors = [
        (0, "a3817f04ba25a8e66df67214c7550293"),
        (8, "3b62a9ba6258f5610f83e264f31497b4"),
        (16, "6ee2a4ca67b054bbfd3315bf85230577"),
        (24, "2db479ae78bd50d8882a8a178a6132ad"),
        (32, "7c3956ca5eeafc3e363e9d556546eb68"),
        (40, "df6a301e95c95dad97ae0cc8c6913bd8"),
        (48, "f7e5aef549f782cf379055a608269b16"),
        (56, "1938f2cf72d54ee97e94166fa91d2a36"),
    ]

    @Test(arguments: Self.vectors)
    func publishedVectors(byteCount: Int, digest: String) {
        var hash = SipHash128(key: (low: 0x0706_0504_0302_0100, high: 0x0f0e_0d0c_0b0a_0908))
        for word in 0..<byteCount / 8 {
            hash.append((0..<8).reduce(UInt64(0)) { $0 | UInt64(word * 8 + $1) << UInt64($1 * 8) })
        }
        #expect(Self.hexadecimal(hash.finish()) == digest)
    }

    @Test("is what OpenSSL makes of the same bytes", arguments: 1...20 as ClosedRange<UInt64>)
    func openSSL(seed: UInt64) throws {
        var lots = SeededGenerator(seed: seed)
        for _ in 1...50 {
            let question = RandomQuestion(&lots)
            let key = (low: lots.next(), high: lots.next())
            let expected = try OpenSSLSipHash.digest(
                of: question.encoded, key: Self.bytes(of: key.low) + Self.bytes(of: key.high))
            #expect(Self.bytes(of: question.fingerprint(key: key)) == expected, "\(question)")
        }
    }

    @Test("questions that differ in where a field ends have different fingerprints")
    func bytesThatMove() {
        let text = "abababababababababababababababab"
        var seen: [Fingerprint: String] = [:]
        for nameEnd in 1...text.utf8.count {
            for ciphertextEnd in nameEnd...text.utf8.count {
                let bytes = Array(text.utf8)
                let question = RandomQuestion(
                    name: String(decoding: bytes[..<nameEnd], as: UTF8.self),
                    ciphertext: Array(bytes[nameEnd..<ciphertextEnd]), associatedData: Array(bytes[ciphertextEnd...]))
                let other = seen.updateValue("\(question)", forKey: question.fingerprint(key: (1, 2)))
                #expect(other == nil, "\(question)")
            }
        }
    }

    @Test("zeroes at an end count")
    func zeroes() {
        let fingerprints = (0...24)
            .map { count in
                RandomQuestion(name: "k", ciphertext: Array(repeating: 0, count: count), associatedData: [])
                    .fingerprint(key: (1, 2))
            }
        #expect(Set(fingerprints).count == fingerprints.count)
    }

    @Test("generation, version and key each make another fingerprint")
    func whatElseCounts() {
        var question = RandomQuestion(name: "my-key", ciphertext: [1, 2, 3], associatedData: [4])
        let first = question.fingerprint(key: (1, 2))
        #expect(first == question.fingerprint(key: (1, 2)))
        #expect(first != question.fingerprint(key: (2, 1)))
        question.generation = 2
        let second = question.fingerprint(key: (1, 2))
        (question.generation, question.version) = (question.version, question.generation)
        let third = question.fingerprint(key: (1, 2))
        #expect(Set([first, second, third]).count == 3)
    }

    // MARK: Bytes

    private static func bytes(of word: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) }
    }

    private static func bytes(of fingerprint: Fingerprint) -> [UInt8] {
        self.bytes(of: fingerprint.low) + self.bytes(of: fingerprint.high)
    }

    private static func hexadecimal(_ fingerprint: Fingerprint) -> String {
        let digits = Array("0123456789abcdef")
        return String(self.bytes(of: fingerprint).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}

/// What fingerprints are made of, and the bytes that they are a hash of, made in a simpler way.
private struct RandomQuestion {
    var generation: UInt64 = 1
    var version: UInt64 = 0
    let name: String
    let ciphertext: [UInt8]
    let associatedData: [UInt8]

    init(name: String, ciphertext: [UInt8], associatedData: [UInt8]) {
        self.name = name
        self.ciphertext = ciphertext
        self.associatedData = associatedData
    }

    init(_ lots: inout SeededGenerator) {
        let letters = "abcdefghijklmnopqrstuvwxyz0123456789-_äß€"
        let length = Int.random(in: 1...40, using: &lots)
        self.name = String((0..<length).map { _ in letters.randomElement(using: &lots) ?? "a" })
        self.ciphertext = lots.bytes(Int.random(in: 0...200, using: &lots))
        self.associatedData = lots.bytes(Int.random(in: 0...30, using: &lots))
        self.generation = lots.next()
        self.version = lots.next()
    }

    func fingerprint(key: (low: UInt64, high: UInt64)) -> Fingerprint {
        Fingerprinter(key: key)
            .fingerprint(
                generation: self.generation, name: .named(self.name), version: self.version,
                ciphertext: self.ciphertext.span, associatedData: self.associatedData.span)
    }

    var encoded: [UInt8] {
        func word(_ value: UInt64) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
        let fields = [Array(self.name.utf8), self.ciphertext, self.associatedData]
        return fields.reduce(word(self.generation) + word(self.version)) { encoded, field in
            encoded + word(UInt64(field.count)) + field + Array(repeating: 0, count: (8 - field.count % 8) % 8)
        }
    }
}
