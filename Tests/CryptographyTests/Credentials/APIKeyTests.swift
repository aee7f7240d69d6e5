// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import Cryptography
import TestSupport
import Testing

struct APIKeyTests {
    /// Before anything else of OpenSSL's is used.
    init() throws { _ = try SharedMemory.secrets }

    struct Vector: Sendable, CustomTestStringConvertible {
        let apiKey: String
        let publicKey: String
        let identity: String

        var testDescription: String { self.apiKey }
    }

    /// Worked out with a KES server.
    static let vectors = [
        Vector(
            apiKey: "kes:v1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            publicKey: "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29",
            identity: "339e2ff917630507b6a423b5ce084e285d1fa65d93b3e27a6195d3bbebc9ae23"
        ),
        Vector(
            apiKey: "kes:v1:AAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
            publicKey: "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",
            identity: "a050837d85070582ccf7394b0988847cc312cb88259b894899f6f239cf1791a5"
        ),
        Vector(
            apiKey: "kes:v1:ALxu97JeqRrB3lWbRQQtHa8Q2fLP0XISfN8vLkz+0lwb",
            publicKey: "bbb02730aca1e22966c62a0b0a3de8adfdb0a85c4847d9f62d1d2ad3c639dc9e",
            identity: "1e385d6fa286cb763cd2c5f8d3a5fdfe0a488686a73c8df01804480bbfe0dd50"
        ),
    ]

    @Test("An API key has the identity that KES gives it", arguments: vectors)
    func identity(vector: Vector) throws {
        let identity = try Read.apiKey(vector.apiKey)
        #expect(identity.identity == vector.identity)
        #expect(identity.chain.leaf.subject == "CN=\(vector.identity)")
        try withCertificate(of: identity) { certificate in
            var publicKey = [UInt8](repeating: 0, count: 32)
            var count = publicKey.count
            #expect(EVP_PKEY_get_raw_public_key(X509_get0_pubkey(certificate), &publicKey, &count) == 1)
            #expect(publicKey == [UInt8](hex: vector.publicKey))
        }
    }

    @Test("The prefix may be missing", arguments: vectors)
    func bareKey(vector: Vector) throws {
        #expect(try Read.apiKey(String(vector.apiKey.dropFirst(7))).identity == vector.identity)
    }

    @Test("The certificate is as KES's own clients make it")
    func certificate() throws {
        let now = 1_800_000_000
        let identity = try Read.apiKey(Self.vectors[1].apiKey, now: now)
        #expect(identity.validity == Validity(notBefore: now - 300, notAfter: now + 90 * 24 * 3600))
        #expect(identity.kesObjection == nil)
        try withCertificate(of: identity) { certificate in
            #expect(X509_get_version(certificate) == Int(X509_VERSION_3))
            #expect(X509_NAME_cmp(X509_get_subject_name(certificate), X509_get_issuer_name(certificate)) == 0)
            #expect(X509_verify(certificate, X509_get0_pubkey(certificate)) == 1)
            #expect(X509_get_key_usage(certificate) == UInt32(KU_DIGITAL_SIGNATURE))
            #expect(X509_get_extended_key_usage(certificate) == UInt32(XKU_SSL_CLIENT))
            #expect(X509_get_extension_flags(certificate) & UInt32(EXFLAG_BCONS | EXFLAG_CA) == UInt32(EXFLAG_BCONS))
            #expect(X509_get_ext_count(certificate) == 3)
        }
    }

    @Test("Another certificate for the same key is another certificate, but the same identity")
    func renewal() throws {
        let first = try Read.apiKey(Self.vectors[2].apiKey)
        let second = try Read.apiKey(Self.vectors[2].apiKey)
        #expect(first.identity == second.identity)
        #expect(first.chain.leaf.fingerprint != second.chain.leaf.fingerprint)
    }

    @Test(
        "What is no API key is refused in KES's words",
        arguments: [
            ("", CredentialError.apiKeyByteCount(0), "kes: invalid API key: invalid length"),
            ("kes:v1:", .apiKeyByteCount(0), "it holds 0 bytes, expected 33"),
            ("kes:v1:AAAA", .apiKeyByteCount(3), "kes: invalid API key: invalid length"),
            // 32 and 34 bytes.
            ("kes:v1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", .apiKeyByteCount(32), "expected 33"),
            ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", .apiKeyByteCount(34), "expected 33"),
            ("kes:v1:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", .apiKeyType, "unsupported type"),
            ("kes:v1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", .apiKeyNotBase64(offset: 40), "illegal base64"),
            ("KES:V1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", .apiKeyNotBase64(offset: 3), "input byte 3"),
            ("kes:v1:AAAA-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", .apiKeyNotBase64(offset: 4), "input byte 4"),
            ("k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", .apiKeyNotBase64(offset: 2), "expected kes:v1:"),
        ]
    )
    func malformed(text: String, error: CredentialError, part: String) throws {
        #expect(credentialError { _ = try Read.apiKey(text) } == error)
        #expect(error.description.contains(part))
    }
}
