// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport
import Testing

/// Clients that begin something and then fall silent, so that the agent keeps waiting for them.
@Suite struct ConnectionDeadlineAttackTests {
    /// What a client of HTTP/2 leaves unfinished.
    enum Silence: CaseIterable {
        case refusedHead, refusedHeadWithoutWindow, malformedTarget, unfinishedHead, unfinishedHeadBehindAnAnswer
        case unfinishedBody, unreadAnswer

        private var hasWindow: Bool { ![.refusedHeadWithoutWindow, .unreadAnswer].contains(self) }

        func begin(_ connection: RawConnection) throws -> HTTP2FrameConnection {
            let client = try HTTP2FrameConnection(on: connection, settings: self.hasWindow ? [] : [(4, 0)])
            let unfinishedHead = HTTP2Frame(type: 1, stream: 3, payload: HTTP2Frame.block([(":method", "GET")]))
            switch self {
            case .refusedHead, .refusedHeadWithoutWindow:
                try client.send(.request(1, "GET", "/version", [("host", "x")], ends: false))
            case .malformedTarget:
                try client.send(.request(1, "GET", "nowhere", ends: false))
            case .unfinishedHead:
                try client.send(unfinishedHead)
            case .unfinishedHeadBehindAnAnswer:
                try client.send(.request(1, "GET", "/version"))
                #expect(try client.receive(1).status == 200)
                try client.send(unfinishedHead)
            case .unfinishedBody:
                try client.send(.request(1, "GET", "/version", ends: false), .data(1, "x", ends: false))
            case .unreadAnswer:
                try client.send(.request(1, "GET", "/version"))
            }
            return client
        }
    }

    @Test(arguments: Silence.allCases)
    func aSilentConnectionEnds(silence: Silence) throws {
        let files = try TLSFiles()
        try files.withAgent {
            $0.environment["KEYSIDE_LIMITS_IDLE_TIMEOUT"] = "300ms"
            $0.environment["KEYSIDE_LIMITS_HEADER_TIMEOUT"] = "200ms"
        } body: { agent in
            for way in Way.allCases where way.isHTTP2 {
                let client = try silence.begin(try agent.connectRaw(by: way))
                try client.receiveEnd()
            }
        }
    }

    @Test func silentConnectionsDoNotLockOthersOutForLong() throws {
        try withAgent {
            $0.environment["KEYSIDE_LIMITS_CONNECTIONS"] = "70"
            $0.environment["KEYSIDE_LIMITS_IDLE_TIMEOUT"] = "300ms"
            $0.environment["KEYSIDE_LIMITS_HEADER_TIMEOUT"] = "200ms"
        } body: { agent in
            let clients = try (0..<10)
                .flatMap { _ in
                    try Silence.allCases.map { try $0.begin(try agent.connect()) }
                }
            for client in clients { try client.receiveEnd() }
            try expectService(by: agent)
        }
    }

    /// The drain would take longer than the test waits.
    @Test func aDrainDoesNotWaitForSilentConnections() throws {
        let files = try TLSFiles()
        try files.withAgent {
            $0.environment["KEYSIDE_SHUTDOWN_DRAIN"] = "10m"
            $0.environment["KEYSIDE_LIMITS_IDLE_TIMEOUT"] = "1h"
            $0.environment["KEYSIDE_LIMITS_HEADER_TIMEOUT"] = "1h"
        } body: { agent in
            let clients = try Silence.allCases.flatMap { silence in
                try Way.allCases.filter(\.isHTTP2).map { try silence.begin(try agent.connectRaw(by: $0)) }
            }
            let heads = try Way.http11.map { try agent.connectRaw(by: $0) }
            for connection in heads { try connection.send("GET /version HTTP/1.1\r\nHo") }
            try agent.agent.signal(SIGTERM)
            #expect(try agent.agent.waitForExit() == .exited(0))
            for client in clients { try client.receiveEnd() }
        }
    }
}
