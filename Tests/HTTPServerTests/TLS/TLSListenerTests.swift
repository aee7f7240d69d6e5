// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Glibc
import Linux
import ServerTestSupport
import TLS
import TestSupport
import Testing

@testable import HTTPServer

/// Clients of TLS, as others make them: curl and `openssl s_client`.
@Suite(.timeLimit(.minutes(5))) struct TLSListenerTests {
    private let front = ScriptedFront()
    private var journal: Journal { self.front.journal }

    // MARK: Who the client is

    @Test("an identity is that of the key, whatever its kind", arguments: TestKeyKind.allCases)
    func keyKinds(kind: TestKeyKind) async throws {
        let pair = try TestAuthority().issueClient(kind: kind)
        try await TLSTestServer.run(self.front) { server in
            for version in CurlCommand.HTTPVersion.allCases {
                let text = try await server.ask("/peer", version, as: pair)
                #expect(text == "tls \(pair.identity)")
            }
        }
    }

    @Test func anAPIKeyOfKESIsAnIdentity() async throws {
        let key = try TestAPIKey(seed: Array(0..<32))
        try await TLSTestServer.run(self.front) { server in
            let identity = "a050837d85070582ccf7394b0988847cc312cb88259b894899f6f239cf1791a5"
            let text = try await server.ask("/peer", as: key.pair)
            #expect(text == "tls \(identity)")
        }
    }

    @Test("dates and issuers of certificates are nobody's business", arguments: [true, false])
    func whateverTheCertificateSays(isExpired: Bool) async throws {
        let pair = try TestAuthority().issueClient(validity: isExpired ? .expired : .notYet)
        try await TLSTestServer.run(self.front) { server in
            let text = try await server.ask("/peer", as: pair)
            #expect(text == "tls \(pair.identity)")
        }
    }

    @Test func aClientMayHaveNoCertificate() async throws {
        try await TLSTestServer.run(self.front) { server in
            let text = try await server.ask("/peer", .http11)
            #expect(text == "tls none")
            let other = try await server.ask("/peer", .http2)
            #expect(other == "tls none")
        }
    }

    @Test func theIdentityIsThatOfTheFirstCertificate() async throws {
        let authority = try TestAuthority()
        let pair = try authority.issueClient()
        let other = try authority.issueClient("other")
        let folder = try TemporaryDirectory()
        try await TLSTestServer.run(self.front) { server in
            for (first, next, expected) in [
                (pair, authority.pair, "tls \(pair.identity)"), (pair, other, "tls several"),
                (authority.pair, authority.pair, "tls authority"), (authority.pair, pair, "tls authority"),
            ] {
                _ = try folder.write(next.certificate, to: "next.crt")
                let output = try await server.openSSL(["-cert_chain", "next.crt"], as: first, in: folder)
                #expect(output.contains(expected))
            }
        }
    }

    // MARK: Authorities of clients

    @Test func withAnAuthorityItsCertificatesAreDemandedIfAny() async throws {
        let authority = try TestAuthority()
        let good = try authority.issueClient()
        let bad = [
            try TestAuthority(name: "another").issueClient(), try authority.issueClient(validity: .expired),
            try authority.issueClient(validity: .notYet), try authority.issueServer(),
        ]
        try await TLSTestServer.run(self.front, clientAuthority: authority) { server in
            let text = try await server.ask("/peer", as: good)
            #expect(text == "tls \(good.identity)")
            let none = try await server.ask("/peer")
            #expect(none == "tls none")
            for pair in bad {
                let outcome = try await server.curl(.http11, as: pair, "\(server.url)/peer")
                #expect(outcome.answers.isEmpty)
            }
            await server.turn()
            #expect(server.connections.failedHandshakes == bad.count)
        }
    }

    @Test("with an authority nothing is resumed that would have to be verified", arguments: ["-tls1_2", "-tls1_3"])
    func noTicketsWithAnAuthority(version: String) async throws {
        let authority = try TestAuthority()
        let pair = try authority.issueClient()
        let folder = try TemporaryDirectory()
        try await TLSTestServer.run(self.front, clientAuthority: authority) { server in
            let first = try await server.openSSL([version, "-sess_out", "session"], as: pair, in: folder)
            #expect(first.contains("tls \(pair.identity)"))
            #expect(!first.contains("TLS session ticket:"))
        }
    }

    // MARK: Resumption

    @Test("a resumed session keeps the identity", arguments: ["-tls1_2", "-tls1_3"])
    func resumption(version: String) async throws {
        let key = try TestAPIKey()
        let folder = try TemporaryDirectory()
        try await TLSTestServer.run(self.front) { server in
            let first = try await server.openSSL([version, "-sess_out", "session"], as: key.pair, in: folder)
            #expect(first.contains("New, TLS"))
            #expect(first.contains("tls \(key.identity)"))
            for _ in 0..<2 {
                let next = try await server.openSSL([version, "-sess_in", "session"], as: key.pair, in: folder)
                #expect(next.contains("Reused, TLS"))
                #expect(next.contains("tls \(key.identity)"))
            }
        }
    }

    @Test("only a session with an identity is resumed", arguments: ["-tls1_2", "-tls1_3"])
    func noResumptionWithoutIdentity(version: String) async throws {
        let authority = try TestAuthority()
        let pair = try authority.issueClient()
        let folder = try TemporaryDirectory()
        _ = try folder.write(try authority.issueClient("other").certificate, to: "next.crt")
        try await TLSTestServer.run(self.front) { server in
            for (client, arguments, expected) in [
                (pair, ["-cert_chain", "next.crt"], "tls several"), (authority.pair, [], "tls authority"),
                (nil, [], "tls none"),
            ] {
                let first = try await server.openSSL(
                    [version, "-sess_out", "session"] + arguments, as: client, in: folder)
                #expect(first.contains(expected))
                // What TLS 1.2 calls a session has no ticket that resumes it.
                guard version == "-tls1_2" else {
                    #expect(!first.contains("TLS session ticket:"))
                    continue
                }
                let next = try await server.openSSL(
                    [version, "-sess_in", "session"] + arguments, as: client, in: folder)
                #expect(next.contains("New, TLS"))
                #expect(next.contains(expected))
            }
        }
    }

    // MARK: Versions and protocols

    @Test(
        "protocols are agreed on as KES does",
        arguments: [
            ([], true), (["-alpn", "http/1.1"], true), (["-alpn", "http/1.1,other"], true),
            (["-alpn", "other"], false),
        ])
    func applicationProtocols(arguments: [String], isServed: Bool) async throws {
        let folder = try TemporaryDirectory()
        try await TLSTestServer.run(self.front) { server in
            let output = try await server.openSSL(arguments, in: folder)
            #expect(output.contains("tls none") == isServed)
            #expect(output.contains("alert number 120") == !isServed)
        }
    }

    @Test func curlSpeaksHTTP2() async throws {
        try await TLSTestServer.run(self.front) { server in
            let outcome = try await server.curl(
                .http2, as: nil, "--write-out", "version %{http_version}", "\(server.url)/at-once")
            #expect(String(decoding: outcome.answers[0].body, as: UTF8.self) == "at once")
            #expect(outcome.answers[0].fields.contains { $0.name == "content-type" && $0.value == "text/plain" })
            #expect(outcome.answers[0].fields.contains { $0.name == "x-request-id" })
            #expect(outcome.answers[0].fields.contains { $0.name == "date" })
        }
    }

    @Test(
        "old versions and weak ciphers are refused",
        arguments: [
            ["-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"], ["-tls1_2", "-cipher", "AES128-GCM-SHA256"],
            ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"],
        ])
    func oldVersions(arguments: [String]) async throws {
        let folder = try TemporaryDirectory()
        try await TLSTestServer.run(self.front) { server in
            let output = try await server.openSSL(arguments, in: folder)
            #expect(!output.contains("tls none"))
            await server.turn()
            #expect(server.connections.failedHandshakes == 1)
        }
    }

    @Test func aClientCannotRenegotiate() async throws {
        let folder = try TemporaryDirectory()
        try await TLSTestServer.run(self.front) { server in
            var launch = Launch("/usr/bin/openssl")
            launch.arguments = ["s_client", "-connect", "127.0.0.1:\(server.port)", "-tls1_2"]
            launch.environment = Keyside.baseEnvironment
            launch.workingFolder = folder.path
            let finished = launch
            let outcome = try await onThread { () throws(TestFailure) in try finished.run(input: "R\n") }
            #expect((outcome.output + outcome.error).contains("no renegotiation"))
        }
    }

    @Test("plain HTTP is told about TLS", arguments: ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST / HTTP/1.1\r\n\r\n"])
    func plainHTTP(request: String) async throws {
        try await TLSTestServer.run(self.front) { server in
            let client = try RawClient(toPort: server.port)
            try await client.send(request)
            client.endSending()
            let answer = String(decoding: try await client.receiveToEnd(), as: UTF8.self)
            #expect(
                answer == "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
            await server.turn()
            #expect(server.connections.failedHandshakes == 1)
        }
    }

    @Test func garbageIsNoHandshake() async throws {
        try await TLSTestServer.run(self.front) { server in
            let client = try RawClient(toPort: server.port)
            try await client.send([UInt8](repeating: 0xFF, count: 100))
            _ = try await client.receiveToEnd()
            await server.turn()
            #expect(server.connections.failedHandshakes == 1)
            #expect(server.connections.current == 0)
        }
    }

    // MARK: Bodies

    @Test("large bodies pass both ways", arguments: CurlCommand.HTTPVersion.allCases)
    func largeBodies(version: CurlCommand.HTTPVersion) async throws {
        try await TLSTestServer.run(self.front) { server in
            let body = String(repeating: "0123456789", count: 100_000)
            let outcome = try await server.curl(
                version, as: nil, "--data-binary", "@-", "-H", "Expect:", "\(server.url)/echo", input: body)
            #expect(outcome.answers.first?.body.count == 1_000_000)
            #expect(outcome.answers.first.map { String(decoding: $0.body, as: UTF8.self) } == body)
            let tooLong = try await server.curl(
                version, as: nil, "--data-binary", "@-", "-H", "Expect:", "\(server.url)/echo", input: body + "x")
            #expect(tooLong.answers.first?.status == 400)
        }
    }

    // MARK: Rotation

    @Test func aNewCertificateIsForNewConnections() async throws {
        let key = try TestAPIKey()
        let folder = try TemporaryDirectory()
        try await TLSTestServer.run(self.front) { server in
            _ = try await server.openSSL(["-tls1_3", "-sess_out", "session"], as: key.pair, in: folder)
            async let old = server.ask("/later/a", as: key.pair)
            await self.journal.wait(for: "begun a")

            let other = try TestAuthority(name: "another")
            server.tls.replace(with: try TLSTestServer.context(of: other.issueServer()))
            let untrusted = try await server.curl(.http2, as: key.pair, "\(server.url)/peer")
            #expect(untrusted.exitStatus == .exited(60))
            let output = try await server.openSSL(["-tls1_3", "-sess_in", "session"], as: key.pair, in: folder)
            #expect(output.contains("New, TLS"))
            #expect(output.contains("issuer=CN = another"))
            #expect(output.contains("tls \(key.identity)"))

            self.journal.note("answer a")
            let text = try await old
            #expect(text == "later a")
        }
    }

    // MARK: Half-open handshakes

    @Test func thoseWhoOnlyConnectAreInNobodysWay() async throws {
        try RawConnection.allowThousands()
        var limits = ServerLimits.generous.with(\.connections, 2_000)
        limits.handshakeTimeout = .hours(1)
        try await TLSTestServer.run(self.front, limits: limits) { server in
            // Some say nothing, some begin and do not go on.
            var idle: [RawClient] = []
            for index in 0..<1_000 {
                let client = try RawClient(toPort: server.port)
                if index % 2 == 0 { try await client.send([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]) }
                idle.append(client)
            }
            let text = try await server.ask("/at-once", .http2)
            #expect(text == "at once")
            let other = try await server.ask("/at-once", .http11)
            #expect(other == "at once")
            withExtendedLifetime(idle) {}
        }
    }

    @Test func ofTooManyUnknownClientsTheOldestGo() async throws {
        let pair = try TestKeyPair.selfSigned()
        let front = ScriptedFront(knowing: [try #require(Identity(hexadecimal: pair.identity))])
        var limits = ServerLimits.generous
        limits.handshakeTimeout = .hours(1)
        limits.unauthenticatedConnections = 2
        try await TLSTestServer.run(front, limits: limits, threads: 3) { server in
            let known = TLSClient(trusting: server.authority.certificate, as: pair)
            let early = try RawConnection(toPort: server.port, with: known)
            #expect(try early.ask(.get("/at-once")).status == 200)
            let clients = try (0..<4).map { _ in try RawClient(toPort: server.port) }
            for client in clients.prefix(2) {
                let received = try await client.receiveToEnd()
                #expect(received.isEmpty)
            }
            await server.turn()
            #expect(server.connections.unauthenticated == 2)
            #expect(server.connections.droppedUnauthenticated == 2)
            #expect(try early.ask(.get("/at-once")).status == 200)
            withExtendedLifetime(clients) {}
        }
    }

    @Test func aHandshakeHasItsTime() async throws {
        var limits = ServerLimits.generous
        limits.handshakeTimeout = .milliseconds(10)
        try await TLSTestServer.run(self.front, limits: limits) { server in
            let client = try RawClient(toPort: server.port)
            let received = try await client.receiveToEnd()
            #expect(received.isEmpty)
            await server.turn()
            #expect(server.connections.failedHandshakes == 1)
        }
    }

    @Test func oneConnectionTooManyIsClosed() async throws {
        try await TLSTestServer.run(self.front, limits: .generous.with(\.connections, 0)) { server in
            let client = try RawClient(toPort: server.port)
            let received = try await client.receiveToEnd()
            #expect(received.isEmpty)
            await server.turn()
            #expect(server.connections.refused == 1)
        }
    }
}
