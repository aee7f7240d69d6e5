// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import Cryptography
import TestSupport
import Testing

/// Handshakes in memory between what ``ClientTLS`` makes of a client, and a server of the test's own.
struct ClientTLSTests {
    /// Before anything else of OpenSSL's is used.
    init() throws { _ = try SharedMemory.secrets }

    @Test("The server sees the client's certificate and the proof of its key", arguments: TestKeyKind.allCases)
    func shows(kind: TestKeyKind) throws {
        let authority = try Authority.test()
        let pair = try authority.issueClient(kind: kind)
        let identity = try Read.identity(pair.certificate + authority.certificate, pair.key)
        let outcome = try Handshake.run(
            ClientTLS(identity: identity, trust: Self.trust(authority)), authority: authority)
        #expect(
            outcome
                == Handshake.Outcome(
                    clientError: nil,
                    clientsSeen: [
                        identity.chain.leaf.fingerprint, try Read.chain(authority.certificate).leaf.fingerprint,
                    ]))
    }

    @Test("An API key's certificate does as well")
    func apiKey() throws {
        let authority = try Authority.test()
        let identity = try Read.apiKey(APIKeyTests.vectors[0].apiKey)
        let outcome = try Handshake.run(
            ClientTLS(identity: identity, trust: Self.trust(authority)), authority: authority)
        #expect(outcome == Handshake.Outcome(clientError: nil, clientsSeen: [identity.chain.leaf.fingerprint]))
    }

    @Test("A client without an identity shows none")
    func anonymous() throws {
        let authority = try Authority.test()
        let outcome = try Handshake.run(ClientTLS(identity: nil, trust: Self.trust(authority)), authority: authority)
        #expect(outcome == Handshake.Outcome(clientError: nil, clientsSeen: []))
    }

    @Test("A server of an unknown authority is not believed")
    func stranger() throws {
        let outcome = try Handshake.run(
            ClientTLS(identity: nil, trust: TrustStore()), authority: try TestAuthority(name: "stranger"))
        #expect(outcome.clientError == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY)
    }

    @Test("Identities and authorities outlive the value that installed them")
    func lifetime() throws {
        let authority = try Authority.test()
        let pair = try authority.issueClient()
        let context = try #require(SSL_CTX_new(TLS_client_method()))
        defer { SSL_CTX_free(context) }
        do {
            let tls = ClientTLS(
                identity: try Read.identity(pair.certificate, pair.key), trust: try Self.trust(authority))
            try #require(tls.install(in: context))
        }
        #expect(try Handshake.run(context, authority: authority).clientError == nil)
    }

    @Test("A bundle is trusted for what of it can be read")
    func bundle() throws {
        let (one, other) = (try Authority.test(), try TestAuthority(name: "Another authority"))
        let damaged = other.certificate.replacing("MII", with: "AAA")
        let list = try Read.authorities(one.certificate + damaged + other.certificate + one.certificate)
        #expect(list.certificates.count == 3)
        #expect(list.faults.count == 1)
        let trust = try TrustStore(includingSystem: false)
        for certificate in list.certificates { try trust.add(certificate) }
        for authority in [one, other] {
            #expect(try Handshake.run(ClientTLS(identity: nil, trust: trust), authority: authority).clientError == nil)
        }
    }

    private static func trust(_ authority: TestAuthority) throws -> TrustStore {
        let trust = try TrustStore()
        for certificate in try Read.authorities(authority.certificate).certificates { try trust.add(certificate) }
        return trust
    }
}

/// Lends the certificate that a connection would show.
func withCertificate(of identity: CertifiedKey, _ body: (OpaquePointer) throws -> Void) throws {
    let context = try #require(SSL_CTX_new(TLS_client_method()))
    defer { SSL_CTX_free(context) }
    try #require(ClientTLS(identity: identity, trust: try TrustStore()).install(in: context))
    try body(try #require(SSL_CTX_get0_certificate(context)))
}

/// A TLS handshake without a network.
enum Handshake {
    struct Outcome: Equatable {
        /// X509_V_ERR_…: why the client does not believe the server. Nil if it does.
        var clientError: Int32?
        /// Fingerprints of the certificates that the client showed.
        var clientsSeen: [[UInt8]]
    }

    static func run(_ tls: ClientTLS, authority: TestAuthority) throws -> Outcome {
        let context = try #require(SSL_CTX_new(TLS_client_method()))
        defer { SSL_CTX_free(context) }
        try #require(tls.install(in: context))
        return try Self.run(context, authority: authority)
    }

    static func run(_ context: OpaquePointer, authority: TestAuthority) throws -> Outcome {
        let serverContext = try Self.makeServer(authority)
        defer { SSL_CTX_free(serverContext) }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        let client = try #require(SSL_new(context))
        defer { SSL_free(client) }
        let server = try #require(SSL_new(serverContext))
        defer { SSL_free(server) }
        var (near, far): (OpaquePointer?, OpaquePointer?)
        try #require(BIO_new_bio_pair(&near, 0, &far, 0) == 1)
        SSL_set_bio(client, near, near)
        SSL_set_bio(server, far, far)
        SSL_set_connect_state(client)
        SSL_set_accept_state(server)
        // Each has a few flights to send; then both are done, or one has given up.
        for _ in 1...8 {
            SSL_do_handshake(client)
            SSL_do_handshake(server)
        }
        let result = Int32(SSL_get_verify_result(client))
        return Outcome(clientError: result == X509_V_OK ? nil : result, clientsSeen: Self.chain(at: server))
    }

    private static func makeServer(_ authority: TestAuthority) throws -> OpaquePointer {
        let pair = try authority.issueServer()
        let context = try #require(SSL_CTX_new(TLS_server_method()))
        let identity = try Read.identity(pair.certificate, pair.key)
        try #require(ClientTLS(identity: identity, trust: try TrustStore(includingSystem: false)).install(in: context))
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER) { _, _ in 1 }
        return context
    }

    private static func chain(at server: OpaquePointer) -> [[UInt8]] {
        guard let leaf = SSL_get0_peer_certificate(server) else { return [] }
        let stack = SSL_get_peer_cert_chain(server)
        let others = (0..<OPENSSL_sk_num(stack)).compactMap { OPENSSL_sk_value(stack, $0).map(OpaquePointer.init) }
        return ([leaf] + others)
            .map { certificate in
                var digest = [UInt8](repeating: 0, count: 32)
                X509_digest(certificate, EVP_sha256(), &digest, nil)
                return digest
            }
    }
}
