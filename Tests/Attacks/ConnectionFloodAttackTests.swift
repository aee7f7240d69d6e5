// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport
import Testing

/// A client without a policy that opens more connections to the TLS listener than the agent may have, and keeps them.
@Suite(.serialized) struct ConnectionFloodAttackTests {
    enum Flood: String, CaseIterable, Sendable, CustomTestStringConvertible {
        case silent = "silent connections"
        case halfAHello = "handshakes that stop within the first message"
        case wholeHello = "handshakes that stop after the first message"
        case noCertificate = "clients without a certificate"
        case selfMadeCertificate = "clients with self-made certificates"

        var testDescription: String { self.rawValue }
    }

    /// More than `limits.connections` by default.
    private static let connectionCount = 1100

    private let files: TLSFiles
    private let strangers: [TestKeyPair]

    init() throws {
        try RawConnection.allowThousands()
        self.files = try TLSFiles()
        self.strangers = try (0..<8).map { _ in try .selfSigned("stranger") }
    }

    private func open(_ flood: Flood, _ index: Int, to agent: TLSAgent) throws -> RawConnection {
        switch flood {
        case .silent:
            return try RawConnection(toPort: agent.port)
        case .halfAHello, .wholeHello:
            let hello = try TLSClient(trusting: agent.authority, as: nil).hello()
            let connection = try RawConnection(toPort: agent.port)
            try connection.send(flood == .wholeHello ? hello : Array(hello.prefix(hello.count / 2)))
            return connection
        case .noCertificate:
            return try agent.connectRaw(by: .tlsHTTP11)
        case .selfMadeCertificate:
            return try agent.connectRaw(by: .tlsHTTP11, as: self.strangers[index % self.strangers.count])
        }
    }

    @Test("keeps no other client out, and ends no connection of one that has a policy", arguments: Flood.allCases)
    func othersAreServed(flood: Flood) throws {
        try self.files.withAgent { agent in
            let early = try Way.allCases.map { try agent.connect(by: $0, as: self.files.client) }
            for connection in early { #expect(try connection.ask(.generate()).isDataKey) }

            var held: [RawConnection] = []
            for index in 1...Self.connectionCount {
                let connection = try self.open(flood, index, to: agent)
                connection.forgetTLS()
                held.append(connection)
                guard index % 275 == 0 else { continue }
                for way in Way.allCases {
                    let late = try agent.connect(by: way, as: self.files.client)
                    let answer = try late.ask(.generate())
                    #expect(answer.isDataKey, "\(way) after \(index): \(answer.text)")
                }
            }

            for connection in early { #expect(try connection.ask(.generate()).isDataKey, "it has been idle") }
            try agent.agent.wait(for: "the oldest to be closed") {
                try agent.agent.metrics.value("keyside_connections", ["listener": "tls"]) ?? .infinity
                    <= Double(128 + Way.tls.count)
            }
            let metrics = try agent.agent.metrics
            let dropped = metrics.value("keyside_denied_total", ["reason": "unauthenticated_connections"])
            #expect(dropped ?? 0 > 0)
            #expect(metrics.value("keyside_denied_total", ["reason": "connections"]) == 0)
            withExtendedLifetime(held) {}
        }
    }

    @Test("drops the oldest of its own", arguments: Flood.allCases)
    func theOldestGoes(flood: Flood) throws {
        try self.files.withAgent {
            $0.environment["KEYSIDE_LIMITS_UNAUTHENTICATED_CONNECTIONS"] = "3"
        } body: { agent in
            var connections: [RawConnection] = []
            for index in 1...5 {
                connections.append(try self.open(flood, index, to: agent))
                try agent.wait(forConnections: min(index, 3))
            }
            for connection in connections.prefix(2) {
                _ = try RawConnection.waitForInput(on: [connection], atLeast: 1)
            }
            try agent.agent.wait(for: "two to be dropped") {
                try agent.agent.metrics.value("keyside_denied_total", ["reason": "unauthenticated_connections"]) == 2
            }
            if flood == .noCertificate || flood == .selfMadeCertificate {
                for connection in connections.suffix(3) { #expect(try connection.ask(.get("/version")).status == 200) }
            }
        }
    }

    @Test("has no advantage from a policy of the past")
    func aPolicyIsTakenAway() throws {
        let other = self.strangers[0]
        try self.files.withAgent {
            $0.environment["KEYSIDE_LIMITS_UNAUTHENTICATED_CONNECTIONS"] = "1"
        } body: { agent in
            let former = try (0..<3).map { _ in try agent.connect(by: .tlsHTTP11, as: self.files.client) }
            let newlyKnown = try agent.connect(by: .tlsHTTP11, as: other)
            #expect(try newlyKnown.ask(.generate()).status == 403)

            try self.files.folder.write("admin: {identities: [\(other.identity)]}", to: "config.yaml")
            try agent.agent.signal(SIGHUP)
            try agent.wait(forConnections: 2)
            #expect(try newlyKnown.ask(.generate()).isDataKey)
            withExtendedLifetime(former) {}
        }
    }

    @Test("takes no place from known clients, even if all places are taken")
    func aFullListener() throws {
        try self.files.withAgent {
            $0.environment["KEYSIDE_LIMITS_CONNECTIONS"] = "8"
        } body: { agent in
            var silent = try (0..<20).map { _ in try RawConnection(toPort: agent.port) }
            let known = try (0..<8).map { _ in try agent.connect(by: .tlsHTTP11, as: self.files.client) }
            silent += try (0..<20).map { _ in try RawConnection(toPort: agent.port) }
            for connection in known { #expect(try connection.ask(.generate()).isDataKey) }
            withExtendedLifetime(silent) {}
        }
    }

    @Test("each listener has the limit for itself")
    func eachListenerHasItsLimit() throws {
        try self.files.withAgent {
            $0.environment["KEYSIDE_LIMITS_CONNECTIONS"] = "4"
        } body: { agent in
            var connections: [any HTTPTestConnection] = []
            for way in Way.http11 {
                for _ in 0..<4 { connections.append(try agent.connect(by: way, as: self.files.client)) }
                for connection in connections { #expect(try connection.ask(.generate()).isDataKey) }
            }
            #expect(try agent.agent.connect().receiveAnswer().status == 503)
        }
    }
}
