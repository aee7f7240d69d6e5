// SPDX-License-Identifier: Apache-2.0

import Cryptography
import LockedMemory
import ServerTestSupport
import TestSupport
import Testing

@testable import HTTPServer

/// Each allocation that OpenSSL or nghttp2 makes for a TLS connection is refused in turn. The process lives on, and no
/// other connection notices.
///
/// OpenSSL is told once in a process where to allocate, so each test is a process of its own. Only the server's thread
/// is refused anything: clients use OpenSSL in the same process.
@Suite(.timeLimit(.minutes(10))) struct TLSMemoryFaultTests {
    @Test func aLackOfMemoryEndsOneConnectionOfHTTP1() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            try await Rounds.run(speaking: "http/1.1")
        }
        if let result { print(String(decoding: result.standardErrorContent, as: UTF8.self)) }
    }

    @Test func aLackOfMemoryEndsOneConnectionOfHTTP2() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            try await Rounds.run(speaking: "h2")
        }
        if let result { print(String(decoding: result.standardErrorContent, as: UTF8.self)) }
    }

    @Test func aConnectionTakesNothingFromTheAgentsOwnShare() async {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            let faults = AllocationFaults(of: [.share(.own)], onThreadsNamed: "keyside-serve-0")
            SharedMemory.refuse(by: faults)
            try await TLSTestServer.run(ScriptedFront()) { server in
                let rounds = try Rounds(server, speaking: "http/1.1", as: .selfSigned())
                try rounds.ask()  // What OpenSSL loads on first use stays.
                faults.begin(refusing: 0..<0)
                try rounds.ask()
                let count = faults.end().count
                AllocationRounds.report("\(count) allocations from the agent's own share")
                #expect(count == 0)
            }
        }
        if let result { print(String(decoding: result.standardErrorContent, as: UTF8.self)) }
    }
}

/// Connections to one server, each for one request.
private struct Rounds {
    let server: TLSTestServer
    let client: TLSClient
    /// What the server says of the client.
    let answer: String

    init(_ server: TLSTestServer, speaking name: String, as pair: TestKeyPair) throws {
        self.server = server
        self.client = TLSClient(trusting: server.authority.certificate, as: pair, speaking: [name])
        self.answer = "tls \(pair.identity)"
    }

    static func run(speaking name: String) async throws {
        let faults = AllocationFaults(
            of: [.share(.own), .share(.clients), .share(.records), .share(.transit), .ordinary],
            onThreadsNamed: "keyside-serve-0")
        SharedMemory.refuse(by: faults)
        let pair = try TestKeyPair.selfSigned()
        let front = ScriptedFront(knowing: [try #require(Identity(hexadecimal: pair.identity))])
        try await TLSTestServer.run(front) { server in
            try await Rounds(server, speaking: name, as: pair).run(faults)
        }
    }

    private func run(_ faults: AllocationFaults) async throws {
        let other = try self.connect()
        try self.ask(on: other)
        try self.ask()
        await self.server.waitForConnections(1)

        faults.begin(refusing: 0..<0)
        try self.ask()
        await self.server.waitForConnections(1)
        let count = faults.end().count
        #expect(count > 100)
        let ranges = AllocationRounds.ranges(upTo: count)
        var failedCount = 0
        for refused in ranges {
            faults.begin(refusing: refused)
            do throws(TestFailure) {
                try self.ask()
            } catch .timedOut(let event) {
                self.fail("timed out waiting for \(event)", refused)
            } catch .malformed(let text) {
                self.fail("the answer is \(text)", refused)
            } catch {
                failedCount += 1
            }
            await self.server.waitForConnections(1)
            faults.end()
            do throws(TestFailure) {
                try self.ask(on: other)
            } catch {
                return self.fail("an open connection has ended: \(error)", refused)
            }
            do throws(TestFailure) {
                try self.ask()
            } catch {
                return self.fail("a later connection fails: \(error)", refused)
            }
            await self.server.waitForConnections(1)
        }
        AllocationRounds.report(
            "\(self.client.protocols[0]): \(count) allocations, \(failedCount) of \(ranges.count) connections failed")
        #expect(failedCount > ranges.count / 4)
    }

    private func fail(_ text: String, _ refused: Range<Int>) {
        AllocationRounds.report("allocations \(refused) refused: \(text)")
        Issue.record("allocations \(refused) refused: \(text)")
    }

    private func connect() throws(TestFailure) -> any HTTPTestConnection {
        let connection = try RawConnection(toPort: self.server.port, with: self.client)
        return self.client.protocols == ["h2"] ? try HTTP2Connection(on: connection) : connection
    }

    /// On a connection of its own.
    func ask() throws(TestFailure) {
        let connection = try self.connect()
        defer { connection.close() }
        try self.ask(on: connection)
    }

    private func ask(on connection: any HTTPTestConnection) throws(TestFailure) {
        let answer = try connection.ask(.get("/peer"))
        let text = String(decoding: answer.body, as: UTF8.self)
        if answer.status != 200 || text != self.answer { throw .malformed("\(answer.status) \(text)") }
    }
}
