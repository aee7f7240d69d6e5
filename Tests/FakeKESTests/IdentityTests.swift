// SPDX-License-Identifier: Apache-2.0

import FakeKES
import TestSupport
import Testing

/// Who a client is, and what it may do.
struct IdentityTests {
    @Test("API keys and their identities")
    func apiKeys() throws {
        for (seed, text, identity) in [
            (
                [UInt8](repeating: 0, count: 32), "kes:v1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                "339e2ff917630507b6a423b5ce084e285d1fa65d93b3e27a6195d3bbebc9ae23"
            ),
            (
                [UInt8](0..<32), "kes:v1:AAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
                "a050837d85070582ccf7394b0988847cc312cb88259b894899f6f239cf1791a5"
            ),
        ] {
            let key = try TestAPIKey(seed: seed)
            #expect(key.text == text && key.identity == identity)
            #expect(try TestAPIKey(text: text).identity == identity)
        }
        #expect(throws: TestFailure.self) { try TestAPIKey(text: "kes:v1:AAAA") }
    }

    @Test(
        "Every kind of key, over both versions of TLS", arguments: TestKeyKind.allCases,
        ConnectionFaults.TLSVersion.allCases)
    func keyKinds(_ kind: TestKeyKind, _ tls: ConnectionFaults.TLSVersion) async throws {
        try await withServer { setup in
            setup.connectionFaults.tlsVersions = [tls]
        } body: { server in
            let pair = try server.credentials.authority.issueClient(kind: kind)
            let client = try Client(server, .http2, as: pair)
            #expect(try client.generate().answers.first?.message == "not authorized: insufficient permissions")
            server.access[pair.identity] = .objectStore(keys: "my-")
            #expect(try client.generate().answers.first?.status == 200)
            #expect(try client.ask("POST", "/v1/key/generate/other", "x").status == 403)

            try await server.wait(for: "the ends") { $0.openConnections.isEmpty }
            let seen = server.snapshot.connections
            #expect(seen.count == 3)
            #expect(
                seen.allSatisfy { $0.certificate == pair.facts && $0.tlsVersion == tls && $0.httpVersion == .http2 })
            #expect(seen.allSatisfy { $0.requestCount == 1 })
        }
    }

    @Test("A certificate renewed with its key keeps its identity and has another serial")
    func renewal() throws {
        let authority = try TestAuthority()
        let old = try authority.issueClient()
        let renewed = try authority.issueClient(key: old.key)
        #expect(renewed.identity == old.identity && renewed.facts.serial != old.facts.serial)
    }

    @Test("What a certificate says of itself does not matter")
    func anyCertificate() async throws {
        try await withServer { server in
            let elsewhere = try TestAuthority(name: "elsewhere")
            for pair in [
                try elsewhere.issueClient(), try server.credentials.authority.issueClient(validity: .expired),
                try elsewhere.issueClient(validity: .notYet), try elsewhere.issueServer(),
            ] {
                server.access[pair.identity] = .everything
                #expect(try Client(server, as: pair).generate().answers.first?.status == 200)
            }
        }
    }

    @Test("Unless the server verifies")
    func verification() async throws {
        try await withServer { setup in
            setup.connectionFaults.verifiesClients = true
        } body: { server in
            #expect(try Client(server).generate().answers.first?.status == 200)
            let expired = try server.credentials.authority.issueClient(validity: .expired)
            for pair in [try TestAuthority().issueClient(), expired] {
                server.access[pair.identity] = .everything
                #expect(try Client(server, as: pair).generate().answers.isEmpty)
            }
        }
    }

    @Test("Certificates of authorities do not count, and of the others there is to be one")
    func chains() async throws {
        try await withServer { server in
            let authority = server.credentials.authority
            let other = try authority.issueClient()
            let client = server.credentials.client
            for (certificates, message) in [
                ([client.certificate, authority.certificate], nil),
                ([client.certificate, other.certificate], "tls: received more than one client certificate"),
            ] {
                let pair = try TestKeyPair(certificate: certificates.joined(), key: client.key)
                #expect(try Client(server, as: pair).generate().answers.first?.message == message)
            }
            #expect(
                try Client(server, as: authority.pair).generate().answers.first?.message
                    == "tls: client certificate is required")
            #expect(try Client(server, as: authority.pair).ask("GET", "/version").status == 200)
        }
    }

    @Test("Without any there is no connection")
    func noCertificate() async throws {
        try await withServer { server in
            let curl = try CurlCommand(trusting: server.credentials.authority.certificate, as: nil)
            let outcome = try curl.run([server.endpoint + "/version"])
            #expect(outcome.exitStatus == .exited(56) && outcome.answers.isEmpty, "\(outcome.error)")
        }
    }

    @Test(
        "A policy's patterns",
        arguments: [
            ("/v1/key/generate/my-key", true), ("/v1/key/generate/mine", false),
            ("/v1/key/generate/my-secret-1", false),
            ("/v1/status", true), ("/v1/status/", false), ("/v1/key/a/app", false),
        ])
    func patterns(_ path: String, _ isAllowed: Bool) {
        let policy = FakePolicy(
            allow: ["/v1/key/generate/my-*", "/v1/status", "/v1/key/*/app", ""], deny: ["/v1/key/generate/my-secret*"])
        #expect(policy.allows(Array(path.utf8)) == isAllowed)
    }
}
