// SPDX-License-Identifier: Apache-2.0

import CTestSupport

/// A KES API key: an Ed25519 private key as text.
package struct TestAPIKey: Sendable {
    /// `kes:v1:` and base64 of a zero byte and the seed.
    package let text: String
    /// What KES calls its owner by.
    package var identity: String { self.pair.identity }
    /// A certificate as clients make one of the key: self-signed, named for its identity.
    package let pair: TestKeyPair

    /// - Parameter seed: 32 bytes.
    package init(seed: [UInt8] = .random(32)) throws(TestFailure) {
        precondition(seed.count == 32, "the seed of an Ed25519 key has 32 bytes")
        SharedMemory.giveToOpenSSL()
        guard let key = unsafe takeText(testsupport_key_from_ed25519_seed(seed)) else {
            throw .unusable("OpenSSL makes no Ed25519 key")
        }
        self.text = "kes:v1:" + ([0] + seed).base64
        // The first certificate is made only to learn the identity, which is the name on the second.
        var wanted = WantedCertificate(commonName: "unnamed", key: key, isAuthority: false, validity: .current)
        wanted.usage = "clientAuth"
        wanted.commonName = try CertificateFacts([UInt8](try wanted.make(signedBy: nil).utf8)).identity
        self.pair = try TestKeyPair(certificate: try wanted.make(signedBy: nil), key: key)
    }

    /// The key of such a text.
    ///
    /// - Throws: `.malformed`.
    package init(text: String) throws(TestFailure) {
        let encoded = text.hasPrefix("kes:v1:") ? String(text.dropFirst(7)) : text
        guard let bytes = [UInt8](base64: encoded), bytes.count == 33, bytes[0] == 0 else {
            throw .malformed("'\(text)' is no KES API key")
        }
        try self.init(seed: Array(bytes.dropFirst()))
    }
}
