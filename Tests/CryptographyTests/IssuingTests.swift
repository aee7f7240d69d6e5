// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Cryptography
import LockedMemory
import TestSupport
import Testing

@Suite("What is made here")
struct IssuingTests {
    private static let now = 1_800_000_000

    /// Before anything else of OpenSSL's is used.
    init() throws { _ = try SharedMemory.secrets }

    @Test("a new API key is a KES API key, and no two are alike")
    func apiKeys() throws {
        let memory = try SharedMemory.secrets
        let key = try APIKey(in: memory)
        let text = key.bytes.withBytes { bytes in Base64.encode(bytes.indices.map { bytes[$0] }) }
        #expect(text.hasPrefix("A") && text.utf8.count == 44)
        #expect(try Read.apiKey(APIKey.prefix + text).identity == key.identity.description)
        #expect(try APIKey(in: memory).identity != key.identity)
    }

    @Test("a server's certificate is its authority's, by OpenSSL's own judgement")
    func servers() throws {
        let memory = try SharedMemory.secrets
        let authorityKey = try PrivateKey.makeP256()
        let authority = try Certificate(.authority, of: authorityKey, now: Self.now)
        let key = try PrivateKey.makeP256()
        let names = ["DNS:localhost", "IP:127.0.0.1", "IP:::1"]
        let certificate = try Certificate(
            .server(names: names), of: key,
            signedBy: CertificateIssuer(certificate: authority, key: authorityKey), now: Self.now)
        #expect(authority.isAuthority && !certificate.isAuthority && certificate.hasAlternativeNames)
        #expect(certificate.validity.notBefore == Self.now - 300)
        #expect(certificate.validity.notAfter == Self.now + 3650 * 24 * 3600)

        let folder = try TemporaryDirectory()
        try folder.write(try authority.pem(), to: "ca.crt")
        try folder.write(try certificate.pem(), to: "server.crt")
        for name in [["-verify_hostname", "localhost"], ["-verify_ip", "127.0.0.1"], ["-verify_ip", "::1"]] {
            try OpenSSLCommand.run(
                ["verify", "-x509_strict", "-attime", "\(Self.now)", "-purpose", "sslserver", "-CAfile", "ca.crt"]
                    + name
                    + ["server.crt"], in: folder)
        }
        #expect(throws: TestFailure.self) {
            try OpenSSLCommand.run(
                ["verify", "-attime", "\(Self.now)", "-CAfile", "ca.crt", "-verify_hostname", "other", "server.crt"],
                in: folder)
        }
        // What is written is what is read.
        let text = try key.pem(in: memory)
        let read = try PrivateKey(pem: text, password: nil, memory: memory)
        _ = try CertifiedKey(chain: Read.chain(String(decoding: try certificate.pem(), as: UTF8.self)), key: read)
    }

    @Test("a client's certificate is named for its identity and signed by its own key")
    func clients() throws {
        let memory = try SharedMemory.secrets
        let key = try PrivateKey.makeEd25519(in: memory)
        let certificate = try Certificate(.client, of: key, now: Self.now)
        #expect(certificate.subject == "CN=\(try certificate.identity())")
        #expect(!certificate.isAuthority && !certificate.hasAlternativeNames)
        let pair = try CertifiedKey(chain: Read.chain(String(decoding: try certificate.pem(), as: UTF8.self)), key: key)
        #expect(pair.kesObjection == nil)
    }
}
