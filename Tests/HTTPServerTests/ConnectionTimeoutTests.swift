// SPDX-License-Identifier: Apache-2.0

import Linux
import ServerTestSupport
import Testing

@testable import HTTPServer

/// Clients that are too slow. The limits are so short that what they lead to can be awaited.
@Suite(.timeLimit(.minutes(5))) struct ConnectionTimeoutTests {
    private let front = ScriptedFront()
    private var journal: Journal { self.front.journal }
    private let brief = Interval.milliseconds(1)
    /// Enough for a request that is there already.
    private let short = Interval.milliseconds(100)

    @Test func aSilentConnectionIsClosed() async throws {
        let connection = try await TestConnection(front: self.front, limits: .generous.with(\.idleTimeout, self.brief))
        #expect(try await connection.client.receiveToEnd().isEmpty)
        try await connection.waitUntilClosed()
        #expect(connection.buffersInUse == 0)
    }

    @Test func aConnectionThatFallsSilentIsClosed() async throws {
        let connection = try await TestConnection(
            front: self.front, limits: .generous.with(\.idleTimeout, self.short), sending: get("/at-once"))
        let answers = try await connection.client.receiveAnswersToEnd()
        #expect(answers.map(\.text) == ["at once"])
        #expect(answers.map(\.closes) == [false])
    }

    @Test func aConnectionThatWaitsForItsAnswerIsNotSilent() async throws {
        let connection = try await TestConnection(
            front: self.front, limits: .generous.with(\.idleTimeout, self.short), sending: get("/later/a"))
        await self.journal.wait(for: "begun a")
        try await connection.outlastTimers(dueIn: self.short)
        self.journal.note("answer a")
        #expect(try await connection.client.receiveAnswersToEnd().map(\.text) == ["later a"])
    }

    @Test(
        "a head that takes too long is refused",
        arguments: ["G", "GET / HTTP/1.1\r\nHost: x\r\n", "GET / HTTP/1.1\r\n"])
    func slowHead(bytes: String) async throws {
        let connection = try await TestConnection(
            front: self.front, limits: .generous.with(\.headerTimeout, self.brief))
        try await connection.client.send(get("/at-once") + bytes)
        let answers = try await connection.client.receiveAnswersToEnd()
        #expect(answers.map(\.text) == ["at once", "request header took too long"])
        #expect(answers.map(\.status) == [200, 400])
        #expect(answers.map(\.closes) == [false, true])
        #expect(self.journal.count(of: "malformed 400") == 1)
    }

    @Test func aBodyThatTakesTooLongIsRefused() async throws {
        let connection = try await TestConnection(front: self.front)
        try await connection.client.send("POST /brief/a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nsecret")
        let answers = try await connection.client.receiveAnswersToEnd()
        #expect(answers.map(\.text) == ["request body took too long"])
        #expect(answers.map(\.status) == [408])
        #expect(answers.map(\.closes) == [true])
        #expect(self.journal.count(of: "answered 408") == 1)
        #expect(self.journal.count(of: "begun a") == 0)
        try await connection.turn()
        #expect(!connection.holds("secret"))
        connection.client.leave()
        try await connection.waitUntilClosed()
        #expect(connection.buffersInUse == 0)
    }

    @Test func aClientThatDoesNotLeaveAfterTheLastAnswerIsCutOff() async throws {
        let connection = try await TestConnection(
            front: self.front, limits: .generous.with(\.lingerTimeout, self.brief))
        try await connection.client.send("nonsense\r\n")
        try await connection.waitUntilClosed()
        #expect(try await connection.client.receiveAnswersToEnd().map(\.status) == [400])
    }

    @Test func whatAClientSendsAfterTheLastAnswerIsReadAndWiped() async throws {
        let connection = try await TestConnection(front: self.front)
        try await connection.client.send("nonsense\r\n")
        #expect(try await connection.client.receiveAnswersToEnd().map(\.status) == [400])
        try await connection.client.send(String(repeating: "secret", count: 1_000_000))
        connection.client.leave()
        try await connection.waitUntilClosed()
        #expect(!connection.holds("secret"))
    }

    @Test func aClientThatDoesNotReadItsAnswersIsCutOff() async throws {
        let connection = try await TestConnection(
            front: self.front, limits: .generous.with(\.idleTimeout, self.short),
            sending: String(repeating: get("/big/20000"), count: 100))
        try await connection.waitUntilClosed()
        #expect(!connection.holds("secret"))
        #expect(connection.buffersInUse == 0)
    }
}
