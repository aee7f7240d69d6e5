// SPDX-License-Identifier: Apache-2.0

import ServerTestSupport
import Testing

@testable import HTTPServer

/// Answers that are awaited: in their order, once each, and to nobody else.
@Suite(.timeLimit(.minutes(5))) struct DeferredAnswerTests {
    private let front = ScriptedFront()
    private var journal: Journal { self.front.journal }

    @Test func requestsBehindADeferredAnswerWaitTheirTurn() async throws {
        let client = try await TestConnection(front: self.front).client
        try await client.send(get("/later/a") + get("/at-once") + post("/later/b", "body") + post("/echo", "c"))
        await self.journal.wait(for: "begun a")
        #expect(self.journal.count(of: "route") == 1)

        self.journal.note("answer a")
        #expect(try await client.receive(2).map(\.text) == ["later a", "at once"])
        await self.journal.wait(for: "begun b")
        #expect(self.journal.count(of: "route") == 3)

        self.journal.note("answer b")
        #expect(try await client.receive(2).map(\.text) == ["later b", "c"])
        #expect(self.journal.count(of: "answered 200") == 4)
    }

    @Test func answersBeforeADeferredOneDoNotWaitForIt() async throws {
        let client = try await TestConnection(front: self.front).client
        try await client.send(get("/at-once") + get("/later/a"))
        #expect(try await client.receive().text == "at once")
        await self.journal.wait(for: "begun a")
        self.journal.note("answer a")
        #expect(try await client.receive().text == "later a")
    }

    @Test func aHeadOfADeferredAnswerHasNoBody() async throws {
        let client = try await TestConnection(front: self.front).client
        self.journal.note("answer a")
        try await client.send("HEAD /later/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        let answer = try await client.receive(toHead: true)
        #expect(answer["Content-Length"] == "7")
        #expect(answer.closes)
        #expect(try await client.receiveToEnd().isEmpty)
    }

    // MARK: Clients that do not wait

    @Test func theAnswerToAClientThatHasGoneIsWiped() async throws {
        let connection = try await TestConnection(front: self.front)
        try await connection.client.send(post("/later/a", "secret"))
        await self.journal.wait(for: "begun a")
        connection.client.leave()
        await self.journal.wait(for: "cancelled a")
        try await connection.waitUntilClosed()

        self.journal.note("answer a")
        await self.journal.wait(for: "made a")
        await self.journal.wait(for: "released")
        try await connection.turn()
        #expect(!connection.holds("later a"))
        #expect(!connection.holds("secret"))
        #expect(self.journal.count(of: "answered 200") == 0)
    }

    @Test func nobodyIsKeptAliveByAnAnswerThatCameTooLate() async throws {
        let connection = try await TestConnection(front: self.front)
        try await connection.client.send(get("/later/a"))
        await self.journal.wait(for: "begun a")
        connection.client.leave()
        try await connection.waitUntilClosed()
        self.journal.note("answer a")
        await self.journal.wait(for: "released")
        #expect(try await connection.givesBuffersBack())
    }

    @Test func whoLeavesRightBehindHisRequestIsNotWorkedFor() async throws {
        let connection = try await TestConnection(front: self.front)
        try await connection.client.send(get("/later/a"))
        connection.client.leave()
        try await connection.waitUntilClosed()
        self.journal.note("answer a")
        await self.journal.wait(for: "released")
    }

    @Test("a client that shuts down its side gets what it waits for", arguments: [0, 1, 3])
    func halfClosed(countBehind: Int) async throws {
        let connection = try await TestConnection(front: self.front)
        try await connection.client.send(get("/later/a") + String(repeating: get("/at-once"), count: countBehind))
        connection.client.endSending()
        await self.journal.wait(for: "begun a")
        try await connection.turn()
        self.journal.note("answer a")
        let answers = try await connection.client.receiveAnswersToEnd()
        #expect(answers.map(\.text) == ["later a"] + Array(repeating: "at once", count: countBehind))
        #expect(self.journal.count(of: "cancelled a") == 0)
        try await connection.waitUntilClosed()
    }

    @Test func nonsenseBehindADeferredAnswerIsRefusedInItsTurn() async throws {
        let connection = try await TestConnection(front: self.front)
        try await connection.client.send(get("/later/a") + "nonsense\r\n")
        connection.client.endSending()
        await self.journal.wait(for: "begun a")
        try await connection.turn()
        self.journal.note("answer a")
        #expect(try await connection.client.receiveAnswersToEnd().map(\.status) == [200, 400])
    }

    // MARK: Answers that come too late

    /// Each of them could wait for as long again.
    @Test func whatIsPipelinedBehindAnAnswerThatTakesTooLongIsNotAnswered() async throws {
        let connection = try await TestConnection(front: self.front)
        try await connection.client.send(get("/brief/a") + get("/at-once"))
        let answers = try await connection.client.receiveAnswersToEnd()
        #expect(answers.map(\.text) == ["timed out"])
        #expect(answers[0].closes)
        await self.journal.wait(for: "cancelled a")
        self.journal.note("answer a")
    }

    @Test func anAnswerThatTakesTooLongIsGivenUpOnce() async throws {
        let connection = try await TestConnection(front: self.front)
        let client = connection.client
        try await client.send(get("/brief/a"))
        let answers = try await client.receive(1)
        #expect(answers.map(\.text) == ["timed out"])
        #expect(answers[0].status == 504)
        #expect(answers[0]["X-Request-Id"] == "0000000000000007-1-1")
        #expect(!answers[0].closes)
        await self.journal.wait(for: "cancelled a")

        self.journal.note("answer a")
        await self.journal.wait(for: "made a")
        try await connection.turn()
        try await client.send(post("/echo", "next"))
        #expect(try await client.receive().text == "next")
        #expect(!connection.holds("later a"))
        #expect(self.journal.count(of: "answered 504") == 1)
        #expect(self.journal.count(of: "answered 200") == 1)
    }

    @Test func aLateAnswerIsNotTakenForThatOfARequestOfTheSameName() async throws {
        let connection = try await TestConnection(front: self.front)
        let client = connection.client
        func named(_ path: String) -> String { "GET \(path) HTTP/1.1\r\nHost: x\r\nX-Request-Id: mine\r\n\r\n" }
        try await client.send(named("/brief/a"))
        #expect(try await client.receive().status == 504)

        try await client.send(named("/later/b"))
        await self.journal.wait(for: "begun b")
        self.journal.note("answer a")
        await self.journal.wait(for: "made a")
        try await connection.turn()
        self.journal.note("answer b")
        #expect(try await client.receive().text == "later b")
    }
}
