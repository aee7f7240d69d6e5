// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// A client that sends the public certificate of another one, whose key it does not have, among its own.
@Suite struct ImpersonationAttackTests {
    private let files: TLSFiles
    /// Has a certificate of the victim's authority, and no policy.
    private let attacker: TestKeyPair
    /// Signs certificates below the victim's authority, and is asked to sign none for the victim.
    private let intermediate: TestAuthority
    private let selfMadeAuthority: TestKeyPair

    private var victim: TestKeyPair { self.files.client }

    init() throws {
        self.files = try TLSFiles()
        self.attacker = try self.files.authority.issueClient("attacker")
        self.intermediate = try self.files.authority.issueAuthority()
        self.selfMadeAuthority = try .selfSigned("attacker", isAuthority: true)
    }

    private func connect(
        _ agent: TLSAgent, as pair: TestKeyPair, followedBy others: String, _ version: TLSVersion,
        resuming session: TLSClientSession? = nil
    ) throws -> RawConnection {
        var client = TLSClient(trusting: agent.authority, as: pair, followedBy: others, version: version)
        client.session = session
        return try RawConnection(toPort: agent.port, with: client)
    }

    private static let missing = "tls: client certificate is required"
    private static let tooMany = "tls: received more than one client certificate"

    /// What a client is refused with that begins with `pair`, first and when it resumes its session.
    private func expectRefusal(
        _ message: String, of pair: TestKeyPair, followedBy others: String, by agent: TLSAgent,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        for version in TLSVersion.allCases {
            var session: TLSClientSession?
            for _ in 0..<2 {
                let connection = try self.connect(agent, as: pair, followedBy: others, version, resuming: session)
                let answer = try connection.ask(.generate())
                #expect(
                    answer.status == 400 && answer.message == message, "\(version) \(answer.text)",
                    sourceLocation: sourceLocation)
                #expect(!connection.isResumed, "\(version)", sourceLocation: sourceLocation)
                session = connection.session
                if version == .tls13 { #expect(session == nil, "a ticket", sourceLocation: sourceLocation) }
            }
        }
    }

    @Test("gets nothing behind a CA certificate of its own")
    func aSelfMadeAuthorityFirst() throws {
        try self.files.withAgent {
            $0.arguments += ["--log-level", "debug"]
        } body: { agent in
            for others in [self.victim.certificate, try self.victim.forgedCertificate()] {
                try self.expectRefusal(Self.missing, of: self.selfMadeAuthority, followedBy: others, by: agent)
            }
            try self.expectRefusal(Self.missing, of: self.selfMadeAuthority, followedBy: "", by: agent)
            try agent.agent.wait(for: "the reason") {
                try agent.agent.log.contains("the first certificate is a CA certificate")
            }
        }
    }

    @Test("gets nothing behind a certificate of its own")
    func anotherClientFirst() throws {
        try self.files.withAgent { agent in
            for others in [
                self.victim.certificate, try self.victim.forgedCertificate(),
                self.files.authority.certificate + self.victim.certificate,
            ] {
                try self.expectRefusal(Self.tooMany, of: self.attacker, followedBy: others, by: agent)
            }
        }
    }

    @Test("gets nothing as the holder of an intermediate CA's key", arguments: [true, false])
    func anIntermediateAuthorityFirst(demandsChain: Bool) throws {
        let authorities = try self.files.folder.write(self.files.authority.certificate, to: "clients.crt")
        try self.files.withAgent {
            if demandsChain { $0.arguments += ["--tls-client-ca", authorities] }
        } body: { agent in
            for others in [
                self.victim.certificate, try self.victim.forgedCertificate(),
                self.files.authority.certificate + self.victim.certificate,
            ] {
                try self.expectRefusal(Self.missing, of: self.intermediate.pair, followedBy: others, by: agent)
            }
            let own = try self.intermediate.issueClient("attacker")
            let others = self.intermediate.certificate + self.victim.certificate
            try self.expectRefusal(Self.tooMany, of: own, followedBy: others, by: agent)
        }
    }

    @Test("does not get past the handshake with the victim's certificate first", arguments: TLSVersion.allCases)
    func theVictimFirst(version: TLSVersion) throws {
        let stolen = try TestKeyPair(certificate: self.victim.certificate, key: self.attacker.key)
        let forged = try TestKeyPair(certificate: try self.victim.forgedCertificate(), key: self.attacker.key)
        try self.files.withAgent { agent in
            for pair in [stolen, forged] {
                #expect(throws: TestFailure.self) {
                    let connection = try self.connect(agent, as: pair, followedBy: "", version)
                    _ = try connection.ask(.get("/version"))
                }
            }
            let failures = try agent.agent.metrics.value("keyside_failed_handshakes_total", ["listener": "tls"])
            #expect(failures == 2)
        }
    }

    @Test("a client with its CA certificates behind it is served, also when it resumes", arguments: TLSVersion.allCases)
    func theVictimItself(version: TLSVersion) throws {
        let below = try self.intermediate.issueClient(key: self.victim.key)
        try self.files.withAgent { agent in
            for (pair, others) in [
                (self.victim, ""), (self.victim, self.files.authority.certificate),
                (below, self.intermediate.certificate + self.files.authority.certificate),
            ] {
                var session: TLSClientSession?
                for isResumed in [false, true, true] {
                    let connection = try self.connect(
                        agent, as: pair, followedBy: others, version, resuming: session)
                    #expect(try connection.ask(.generate()).isDataKey)
                    #expect(connection.isResumed == isResumed)
                    session = connection.session ?? session
                }
            }
        }
    }
}
