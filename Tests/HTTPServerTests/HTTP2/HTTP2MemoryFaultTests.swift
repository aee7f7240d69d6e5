// SPDX-License-Identifier: Apache-2.0

import LockedMemory
import ServerTestSupport
import TestSupport
import Testing

@testable import HTTPServer

/// Each allocation that nghttp2 makes for a connection of several streams is refused in turn.
@Suite(.timeLimit(.minutes(5))) struct HTTP2MemoryFaultTests {
    private let front = ScriptedFront()
    private let faults = AllocationFaults(of: [.ordinary, .share(.transit)])

    private static let requests: [HTTPRequest] = [
        .get("/at-once"), .post("/echo", String(repeating: "0123456789", count: 4_000)), .get("/big/70000"),
        .get("/refused"), .get("/later/a"), .get("/none"),
    ]
    private static let statuses = [200, 200, 200, 403, 200, 404]

    /// Several streams at a time, a request that is given up, and a ping.
    ///
    /// - Parameter mayBeRefused: whether a request may be answered with 503, as one without memory for its body.
    private static func converse(_ server: TestServer, mayBeRefused: Bool = false) throws(TestFailure) {
        let connection = try HTTP2Connection(on: RawConnection(to: server.path))
        defer { connection.close() }
        try connection.reset(connection.open(HTTPRequest("POST", "/echo"), ends: false))
        try connection.send(atOnce: [HTTP2Frame(type: 6, payload: [0, 1, 2, 3, 4, 5, 6, 7])])
        try connection.send(Self.requests)
        let answers = try connection.receiveAnswers(Self.requests.count)
        for (answer, status) in zip(answers, Self.statuses) where !mayBeRefused || answer.status != 503 {
            #expect(answer.status == status)
        }
        if answers[1].status == 200 { #expect(answers[1].body.count == 40_000) }
        if answers[2].status == 200 { #expect(answers[2].body.count == 70_000) }
    }

    @Test func aLackOfMemoryEndsOneConnection() async throws {
        self.front.journal.note("answer a")
        try await TestServer.run(self.front, faults: self.faults) { server in
            let other = try HTTP2Connection(on: RawConnection(to: server.path))
            #expect(try other.ask(.get("/at-once")).status == 200)
            try await onThread { () throws(TestFailure) in try Self.converse(server) }
            try await server.waitForConnections(1)

            self.faults.begin(refusing: 0..<0)
            try await onThread { () throws(TestFailure) in try Self.converse(server) }
            try await server.waitForConnections(1)
            let count = self.faults.end().count
            #expect(count > 30)
            let ranges = AllocationRounds.ranges(upTo: count)
            var failedCount = 0
            for refused in ranges {
                self.faults.begin(refusing: refused)
                do throws(TestFailure) {
                    try await onThread { () throws(TestFailure) in try Self.converse(server, mayBeRefused: true) }
                } catch .timedOut(let event) {
                    Issue.record("allocations \(refused) refused: timed out waiting for \(event)")
                } catch {
                    failedCount += 1
                }
                try await server.waitForConnections(1)
                self.faults.end()
                #expect(try other.ask(.get("/at-once")).status == 200)
                try await onThread { () throws(TestFailure) in try Self.converse(server) }
                try await server.waitForConnections(1)
            }
            AllocationRounds.report(
                "several streams: \(count) allocations, \(failedCount) of \(ranges.count) connections failed")
            #expect(failedCount > ranges.count / 2)
        }
    }
}
