// SPDX-License-Identifier: Apache-2.0

/// The identity of a key holder: SHA-256 over the public key as encoded in a certificate (SubjectPublicKeyInfo, DER).
/// KES identifies its clients by it. Nothing else in the certificate counts: a new certificate for the same key has the
/// same identity.
///
/// 32 bytes in four words, so that requests compare and look up identities without an allocation.
package struct Identity: Hashable, Sendable, CustomStringConvertible {
    /// Length of an identity in bytes.
    package static let byteCount = 32

    private let words: InlineArray<4, UInt64>

    /// - Returns: nil unless there are ``byteCount`` bytes.
    package init?(_ bytes: some Sequence<UInt8>) {
        var words = InlineArray<4, UInt64>(repeating: 0)
        var count = 0
        for byte in bytes {
            guard count < Self.byteCount else { return nil }
            words[count / 8] = words[count / 8] << 8 | UInt64(byte)
            count += 1
        }
        guard count == Self.byteCount else { return nil }
        self.words = words
    }

    /// The identity of a certificate's owner; nil if OpenSSL has no memory.
    @unsafe package init?(ofKeyIn x509: OpaquePointer) {
        guard let digest = try? unsafe Certificate.publicKeyFingerprint(of: x509) else { return nil }
        self.init(digest)
    }

    /// 64 hexadecimal digits in lower case, as in KES's policies.
    package var description: String { self.bytes.hexadecimal }

    /// The 32 bytes of the digest.
    package var bytes: [UInt8] {
        (0..<Self.byteCount).map { UInt8(truncatingIfNeeded: self.words[$0 / 8] >> UInt64(56 - 8 * ($0 % 8))) }
    }

    package static func == (left: Identity, right: Identity) -> Bool {
        (0..<4).allSatisfy { left.words[$0] == right.words[$0] }
    }

    package func hash(into hasher: inout Hasher) { for index in 0..<4 { hasher.combine(self.words[index]) } }
}
