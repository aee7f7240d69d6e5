// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport
import Testing

/// The authorities of clients are replaced while clients are connected.
@Suite struct ClientAuthorityRotationTests {
    private let files: TLSFiles
    private let other: TestAuthority
    /// The client's certificate from the other authority: the same key, so that it is the same client.
    private let renewed: TestKeyPair

    init() throws {
        self.files = try TLSFiles()
        self.other = try TestAuthority(name: "another")
        self.renewed = try self.other.issueClient(key: self.files.client.key)
    }

    private func replace(with text: String) throws {
        try FileReplacement.renamedOver.replace([("clients.crt", text)], in: self.files.folder)
    }

    private func wait(for outcome: String, _ count: Int, _ agent: TLSAgent) throws {
        try agent.agent.wait(for: "authorities to be \(outcome)") {
            try agent.agent.metrics.reloads("listener", outcome) == count
        }
    }

    /// Expects a client with this certificate to be served, or not to get as far as a request.
    private func expect(
        _ pair: TestKeyPair, isServedBy agent: TLSAgent, _ isServed: Bool,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        for way in Way.tls {
            do {
                let answer = try agent.connect(by: way, as: pair).ask(.generate())
                #expect(answer.isDataKey && isServed, "\(way) \(answer.text)", sourceLocation: sourceLocation)
            } catch {
                // The server closes while the client sends or receives.
                let log = (try? agent.agent.log) ?? ""
                #expect(!isServed, "\(way) \(pair.identity) \(error)\n\(log)", sourceLocation: sourceLocation)
            }
        }
    }

    @Test func newHandshakesAreJudgedByTheNewAuthoritiesAndOldConnectionsLiveOn() throws {
        try self.replace(with: self.files.authority.certificate)
        try self.files.withAgent {
            $0.arguments += ["--tls-client-ca", self.files.folder("clients.crt")]
        } body: { agent in
            try self.expect(self.files.client, isServedBy: agent, true)
            try self.expect(self.renewed, isServedBy: agent, false)
            let connections = try Way.tls.map { try agent.connect(by: $0, as: self.files.client) }

            try self.replace(with: self.other.certificate)
            try self.wait(for: "replaced", 1, agent)
            try self.expect(self.files.client, isServedBy: agent, false)
            try self.expect(self.renewed, isServedBy: agent, true)
            for connection in connections { #expect(try connection.ask(.generate()).isDataKey) }

            try self.replace(with: self.files.authority.certificate + self.other.certificate)
            try self.wait(for: "replaced", 2, agent)
            for pair in [self.files.client, self.renewed] { try self.expect(pair, isServedBy: agent, true) }

            try self.replace(with: "nobody\n")
            try self.wait(for: "refused", 1, agent)
            #expect(
                try agent.agent.log.contains("\(self.files.folder("clients.crt")): contains no PEM certificate"))
            for pair in [self.files.client, self.renewed] { try self.expect(pair, isServedBy: agent, true) }
            for connection in connections { #expect(try connection.ask(.generate()).isDataKey) }
        }
    }
}
