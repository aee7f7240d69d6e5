// SPDX-License-Identifier: Apache-2.0

import Linux
import ServerTestSupport
import Testing

@testable import HTTPServer

/// Connections that are told to finish what they have.
@Suite(.timeLimit(.minutes(5))) struct ConnectionDrainTests {
    private let front = ScriptedFront()
    private var journal: Journal { self.front.journal }
    private let withoutGrace = ServerLimits.generous.with(\.drainGrace, .zero)

    @Test func anIdleConnectionIsClosedWhenTheGraceIsOver() async throws {
        let connection = try await TestConnection(
            front: self.front, limits: self.withoutGrace, sending: get("/at-once"))
        #expect(try await connection.client.receive().closes == false)
        try await connection.drain()
        #expect(try await connection.client.receiveToEnd().isEmpty)
        try await connection.waitUntilClosed()
    }

    @Test func aRequestWithinTheGraceIsAnswered() async throws {
        let connection = try await TestConnection(front: self.front)
        try await connection.drain()
        try await connection.client.send(get("/at-once"))
        let answers = try await connection.client.receiveAnswersToEnd()
        #expect(answers.map(\.text) == ["at once"])
        #expect(answers.map(\.closes) == [true])
    }

    @Test(
        "a request that is half here is answered, and is the last",
        arguments: ["G", "POST /echo HTTP/1.1\r\n", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab"])
    func halfHere(beginning: String) async throws {
        let connection = try await TestConnection(front: self.front, limits: self.withoutGrace)
        try await connection.client.send(beginning)
        try await connection.turn()
        try await connection.drain()
        let whole = beginning == "G" ? get("/at-once") : post("/echo", "abcd")
        try await connection.client.send(String(whole.dropFirst(beginning.count)))
        let answers = try await connection.client.receiveAnswersToEnd()
        #expect(answers.map(\.status) == [200])
        #expect(answers.map(\.closes) == [true])
    }

    @Test func aDeferredAnswerIsAwaited() async throws {
        let connection = try await TestConnection(front: self.front, limits: self.withoutGrace)
        try await connection.client.send(get("/later/a"))
        await self.journal.wait(for: "begun a")
        try await connection.drain()
        self.journal.note("answer a")
        #expect(try await connection.client.receiveAnswersToEnd().map(\.text) == ["later a"])
        #expect(self.journal.count(of: "cancelled a") == 0)
    }

    @Test func whatWasPipelinedIsAnswered() async throws {
        let connection = try await TestConnection(front: self.front)
        try await connection.client.send(get("/later/a") + get("/at-once") + get("/at-once"))
        await self.journal.wait(for: "begun a")
        try await connection.drain()
        self.journal.note("answer a")
        let answers = try await connection.client.receiveAnswersToEnd()
        #expect(answers.map(\.text) == ["later a", "at once", "at once"])
        #expect(answers.map(\.closes) == [false, false, true])
    }

    @Test func aClientThatReadsLateLosesNothing() async throws {
        let connection = try await TestConnection(front: self.front, limits: self.withoutGrace)
        let count = 4  // More than the socket holds, and not so much that the channel refuses more.
        try await connection.client.send(String(repeating: get("/big/20000"), count: count))
        await self.journal.wait(for: "answered 200", times: count)
        try await connection.drain()
        try await connection.turn()
        #expect(try await connection.client.receiveAnswersToEnd().count == count)
    }
}
