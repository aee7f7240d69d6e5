// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Server

/// What a client sent or was sent is wiped where it lies: in the very buffers that the channel reads into and writes
/// from, looked at through a second reference.
@Suite(.timeLimit(.minutes(1))) struct ConnectionWipingTests {
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
        let connection = try await Connection(front: self.front)
        async let answers = connection.client.receiveAnswersToEnd()
        try await connection.client.send(requests + "GET /at-once HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        _ = try? await answers
        try await connection.turn()
        #expect(connection.traffic.readByteCount > requests.utf8.count)
        #expect(connection.traffic.readIsWiped)
        #expect(connection.traffic.writtenByteCount > 0)
        #expect(connection.traffic.writtenIsWiped)
    }

    @Test func whileTheConnectionIsOpen() async throws {
        let connection = try await Connection(front: self.front)
        try await connection.client.send(post("/echo", "secret"))
        #expect(try await connection.client.receive().text == "secret")
        try await connection.turn()
        #expect(connection.traffic.readIsWiped)
        #expect(connection.traffic.writtenIsWiped)
    }

    @Test func aPartOfTheNextRequestMovesOutOfTheChannelsBuffer() async throws {
        let connection = try await Connection(front: self.front)
        let next = post("/echo", "secret")
        for count in [1, 20, next.utf8.count - 1] {
            try await connection.client.send(get("/at-once") + String(next.prefix(count)))
            #expect(try await connection.client.receive().text == "at once")
            try await connection.turn()
            #expect(connection.traffic.readIsWiped)
            try await connection.client.send(String(next.dropFirst(count)))
            #expect(try await connection.client.receive().text == "secret")
        }
    }

    @Test func aRequestWhoseAnswerIsAwaited() async throws {
        let connection = try await Connection(front: self.front)
        try await connection.client.send(post("/later/a", "secret") + post("/echo", "more"))
        await self.journal.wait(for: "begun a")
        try await connection.turn()
        #expect(connection.traffic.readIsWiped)
        // What the client still sends is read along with the end of its input.
        try await connection.client.send(post("/echo", "and more"))
        connection.client.endSending()
        try await connection.turn()
        self.journal.note("answer a")
        #expect(
            try await connection.client.receiveAnswersToEnd().map(\.text) == ["later a", "more", "and more"])
        try await connection.turn()
        #expect(connection.traffic.readIsWiped)
        #expect(connection.traffic.writtenIsWiped)
    }

    @Test func anAnswerThatNobodyReads() async throws {
        let connection = try await Connection(front: self.front)
        try await connection.client.send(String(repeating: get("/big/20000"), count: 100))
        try await connection.turn()
        connection.client.leave()
        try await connection.waitUntilClosed()
        #expect(connection.traffic.writtenByteCount > 0)
        #expect(connection.traffic.writtenIsWiped)
    }
}
