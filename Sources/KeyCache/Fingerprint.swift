// SPDX-License-Identifier: Apache-2.0

import KeyService
import Primitives

/// The identity of an entry: a keyed 128-bit hash of a question to the key server. Reveals nothing about it.
struct Fingerprint: Hashable, Sendable {
    let low: UInt64
    let high: UInt64

    init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }

    /// The value is a hash already.
    func hash(into hasher: inout Hasher) { hasher.combine(self.low) }
}

/// Computes fingerprints under a secret key, so that clients cannot construct collisions.
///
/// A fingerprint is SipHash-2-4 with 128 bits of output (Aumasson and Bernstein, 2012) of these fields, in 64-bit
/// words, little-endian: generation and version, then key name, ciphertext and associated data, each as its length in
/// bytes followed by its bytes, padded with zeroes. The lengths make the encoding injective.
///
/// The fingerprint replaces the question: two questions with the same fingerprint would share an answer. At 128 bits,
/// the probability is 1 in 10^26 with a million entries.
struct Fingerprinter: Sendable {
    fileprivate let key: (low: UInt64, high: UInt64)

    /// - Parameter key: random, one per process.
    init(key: (low: UInt64, high: UInt64)) { self.key = key }

    /// - Parameters:
    ///   - generation: of the agent's identity at the backend. Entries of another identity are never found.
    ///   - version: of the key, if the protocol has versions; 0 for the one that the key server chooses.
    func fingerprint(
        generation: UInt64, name: KeyName, version: UInt64 = 0, ciphertext: Span<UInt8>, associatedData: Span<UInt8>
    ) -> Fingerprint {
        var hash = SipHash128(key: self.key)
        hash.append(generation)
        hash.append(version)
        hash.append(name)
        hash.append(ciphertext)
        hash.append(associatedData)
        return hash.finish()
    }
}

extension Fingerprinter {
    /// The fingerprint of a raw request body. Never equals that of a question: the second word differs.
    func fingerprint(generation: UInt64, name: KeyName, requestBody: Span<UInt8>) -> Fingerprint {
        var hash = SipHash128(key: self.key)
        hash.append(generation)
        hash.append(.max)
        hash.append(name)
        hash.append(requestBody)
        return hash.finish()
    }
}

/// SipHash-2-4 of whole words.
///
/// Our own implementation, because every request computes it: OpenSSL's takes five times as long and needs a context
/// per thread. It is a hash for an index, not a protection of secrets. Tests compare the two.
struct SipHash128 {
    private var v0, v1, v2, v3: UInt64
    private var wordCount = 0

    init(key: (low: UInt64, high: UInt64)) {
        self.v0 = key.low ^ 0x736f_6d65_7073_6575
        self.v1 = key.high ^ 0x646f_7261_6e64_6f6d ^ 0xee
        self.v2 = key.low ^ 0x6c79_6765_6e65_7261
        self.v3 = key.high ^ 0x7465_6462_7974_6573
    }

    @inline(__always)
    mutating func append(_ word: UInt64) {
        self.wordCount += 1
        self.mix(word)
    }

    /// Appends the length, then the bytes.
    @inline(__always)
    mutating func append(_ bytes: Span<UInt8>) {
        self.append(UInt64(bytes.count))
        var offset = 0
        while offset + 8 <= bytes.count {
            self.append(bytes.word(at: offset))
            offset += 8
        }
        guard offset < bytes.count else { return }
        var rest: UInt64 = 0
        for index in (offset..<bytes.count).reversed() { rest = rest << 8 | UInt64(bytes[index]) }
        self.append(rest)
    }

    @inline(__always)
    mutating func append(_ name: KeyName) {
        let bytes = name.description.utf8
        self.append(UInt64(bytes.count))
        var word: UInt64 = 0
        var shift: UInt64 = 0
        for byte in bytes {
            word |= UInt64(byte) << shift
            shift += 8
            guard shift == 64 else { continue }
            self.append(word)
            (word, shift) = (0, 0)
        }
        if shift > 0 { self.append(word) }
    }

    @inline(__always)
    consuming func finish() -> Fingerprint {
        self.mix(UInt64(self.wordCount * 8 & 0xff) << 56)
        self.v2 ^= 0xee
        for _ in 0..<4 { self.round() }
        let low = self.v0 ^ self.v1 ^ self.v2 ^ self.v3
        self.v1 ^= 0xdd
        for _ in 0..<4 { self.round() }
        return Fingerprint(low: low, high: self.v0 ^ self.v1 ^ self.v2 ^ self.v3)
    }

    @inline(__always)
    private mutating func mix(_ word: UInt64) {
        self.v3 ^= word
        self.round()
        self.round()
        self.v0 ^= word
    }

    @inline(__always)
    private mutating func round() {
        self.v0 &+= self.v1
        self.v1 = self.v1 << 13 | self.v1 >> 51
        self.v1 ^= self.v0
        self.v0 = self.v0 << 32 | self.v0 >> 32
        self.v2 &+= self.v3
        self.v3 = self.v3 << 16 | self.v3 >> 48
        self.v3 ^= self.v2
        self.v0 &+= self.v3
        self.v3 = self.v3 << 21 | self.v3 >> 43
        self.v3 ^= self.v0
        self.v2 &+= self.v1
        self.v1 = self.v1 << 17 | self.v1 >> 47
        self.v1 ^= self.v2
        self.v2 = self.v2 << 32 | self.v2 >> 32
    }
}
