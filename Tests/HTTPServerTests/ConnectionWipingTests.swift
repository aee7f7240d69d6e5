// SPDX-License-Identifier: Apache-2.0

import ServerTestSupport
import Testing

@testable import HTTPServer

/// What a client sent or was sent is nowhere in the memory of the buffers that it went through, in use or not.
@Suite(.timeLimit(.minutes(5))) struct ConnectionWipingTests {
    private let front = ScriptedFront()
    private var journal: Journal { self.front.journal }

    @Test(
        "requests and answers",
        arguments: [
            post("/echo", "secret"), chunked("/echo", ["sec", "ret"]), post("/refused", "secret"),
            post("/at-once", "secret"),
            post("/echo", String(repeating: "secret", count: 100_000)),
            "HEAD /at-once HTTP/1.1\r\nHost: x\r\nX-Request-Id: secret\r\n\r\n",
            post("/echo", "secret") + post("/echo", "secret") + get("/at-once"),
        ])
    func answered(requests: String) async throws {
        let connection = try await TestConnection(front: self.front)
        async let answers = connection.client.receiveAnswersToEnd()
        try await connection.client.send(requests + "GET /at-once HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        _ = try? await answers
        try await connection.turn()
        #expect(!connection.holds("secret"))
    }

    @Test func whileTheConnectionIsOpen() async throws {
        let connection = try await TestConnection(front: self.front)
        try await connection.client.send(post("/echo", "secret"))
        #expect(try await connection.client.receive().text == "secret")
        try await connection.turn()
        #expect(!connection.holds("secret"))
    }

    @Test func ofARequestThatIsFollowedByAPartOfTheNextNothingIsKept() async throws {
        let connection = try await TestConnection(front: self.front)
        let next = post("/echo", "secret")
        for count in [1, 20, next.utf8.count - 1] {
            try await connection.client.send(get("/at-once") + String(next.prefix(count)))
            #expect(try await connection.client.receive().text == "at once")
            try await connection.turn()
            #expect(!connection.holds("at-once"))
            #expect(connection.buffersInUse == 1)
            try await connection.client.send(String(next.dropFirst(count)))
            #expect(try await connection.client.receive().text == "secret")
        }
    }

    @Test func aRequestWhoseAnswerIsAwaited() async throws {
        let connection = try await TestConnection(front: self.front)
        try await connection.client.send(post("/later/a", "secret") + post("/echo", "more"))
        await self.journal.wait(for: "begun a")
        try await connection.turn()
        #expect(!connection.holds("secret"))
        // What the client still sends is read along with the end of its input.
        try await connection.client.send(post("/echo", "and more"))
        connection.client.endSending()
        try await connection.turn()
        self.journal.note("answer a")
        #expect(
            try await connection.client.receiveAnswersToEnd().map(\.text) == ["later a", "more", "and more"])
        try await connection.turn()
        #expect(!connection.holds("secret"))
    }

    @Test func anAnswerThatNobodyReads() async throws {
        let connection = try await TestConnection(front: self.front)
        try await connection.client.send(String(repeating: get("/big/20000"), count: 100))
        try await connection.turn()
        connection.client.leave()
        try await connection.waitUntilClosed()
        #expect(!connection.holds("bbbb"))
        #expect(connection.buffersInUse == 0)
    }

    @Test func whatIsNotWipedIsFound() async throws {
        let connection = try await TestConnection(front: self.front)
        try await connection.client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\nsecret")
        await self.journal.wait(for: "route")
        try await connection.turn()
        #expect(connection.holds("secret"))
    }
}
