// SPDX-License-Identifier: Apache-2.0

import Linux
import ServerTestSupport
import Testing

@testable import HTTPServer

/// One connection over real sockets: order, back pressure, half-closed clients.
@Suite(.timeLimit(.minutes(5))) struct ConnectionTests {
    private let front = ScriptedFront()
    private var journal: Journal { self.front.journal }

    // MARK: Answers

    @Test func anAnswerIsFramedAndNamed() async throws {
        let client = try await TestConnection(front: self.front).client
        try await client.send(get("/at-once"))
        let answer = try await client.receive()
        #expect(answer.status == 200)
        #expect(answer.text == "at once")
        #expect(answer["X-Request-Id"] == "0000000000000007-1-1")
        #expect(answer["Date"]?.count == 29)
        #expect(answer["Connection"] == nil)

        try await client.send("GET /at-once HTTP/1.1\r\nHost: x\r\nX-Request-Id: mine\r\n\r\n" + get("/at-once"))
        #expect(try await client.receive(2).map { $0["X-Request-Id"] } == ["mine", "0000000000000007-1-3"])
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
        let client = try await TestConnection(front: self.front).client
        try await client.send(post("/echo", "one") + get("/at-once") + post("/echo", "two") + get("/refused"))
        #expect(try await client.receive(4).map(\.text) == ["one", "at once", "two", "refused"])
    }

    @Test("requests are the same however they are cut", arguments: [1, 2, 3, 7, 50])
    func segments(byteCount: Int) async throws {
        let client = try await TestConnection(front: self.front).client
        let bytes = Array((post("/echo", "one") + chunked("/echo", ["t", "w", "o"]) + get("/at-once")).utf8)
        for start in stride(from: 0, to: bytes.count, by: byteCount) {
            try await client.send(Array(bytes[start..<min(start + byteCount, bytes.count)]))
        }
        #expect(try await client.receive(3).map(\.text) == ["one", "two", "at once"])
    }

    @Test func theAnswerToAHeadHasNoBody() async throws {
        let client = try await TestConnection(front: self.front).client
        try await client.send("HEAD /at-once HTTP/1.1\r\nHost: x\r\n\r\n" + get("/at-once"))
        let head = try await client.receive(toHead: true)
        #expect(head["Content-Length"] == "7")
        #expect(head.body.isEmpty)
        #expect(try await client.receive().text == "at once")
    }

    @Test("a body that nobody asked for is passed over", arguments: ["/at-once", "/refused", "/no-such-path"])
    func passedOver(path: String) async throws {
        let client = try await TestConnection(front: self.front).client
        let body = String(repeating: "x", count: 200_000)
        try await client.send(post(path, body) + chunked(path, [body, "y"]) + get("/at-once"))
        let answers = try await client.receive(3)
        #expect(answers[0].withoutTimeAndID == answers[1].withoutTimeAndID)
        #expect(answers[2].text == "at once")
    }

    @Test("the longest body is taken, announced and chunked")
    func longestBody() async throws {
        let client = try await TestConnection(front: self.front).client
        let body = String(repeating: "x", count: ScriptedFront.bodyByteCountMax)
        async let answers = client.receive(2)
        try await client.send(post("/echo", body) + chunked("/echo", [body]))
        #expect(try await answers.allSatisfy { $0.text == body })
    }

    @Test(
        "one byte too many is refused, then the connection ends",
        arguments: ["/echo", "/at-once", "/refused"], [true, false])
    func tooLongBody(path: String, announced: Bool) async throws {
        let connection = try await TestConnection(front: self.front)
        let client = connection.client
        let body = String(repeating: "x", count: ScriptedFront.bodyByteCountMax + 1)
        async let answers = client.receiveAnswersToEnd()
        // The client sends on while the server has answered already, and gets to read the answer all the same.
        try await client.send((announced ? post(path, body) : chunked(path, [body])) + get("/at-once"))
        let answer = try #require(try await answers.first)
        #expect(try await answers.count == 1)
        #expect(answer.status == (path == "/refused" ? 403 : 400))
        #expect(answer.closes)
        client.leave()
        try await connection.waitUntilClosed()
        #expect(!connection.holds("secret"))
    }

    // MARK: Expect

    @Test func aClientThatWaitsToBeAskedForItsBodyIsAsked() async throws {
        let client = try await TestConnection(front: self.front).client
        try await client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        #expect(try await client.receive().status == 100)
        try await client.send("abc" + get("/at-once"))
        #expect(try await client.receive(2).map(\.text) == ["abc", "at once"])
    }

    @Test func aClientThatHasSentItsBodyAlreadyIsNotAsked() async throws {
        let client = try await TestConnection(front: self.front).client
        try await client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc")
        #expect(try await client.receive().text == "abc")
    }

    @Test(
        "what is refused by its head is refused at once",
        arguments: [
            ("/refused", "100-continue", 403), ("/no-such-path", "100-continue", 404), ("/echo", "more", 417),
            ("/refused", "more", 417),
        ])
    func refusedAtOnce(path: String, expectation: String, status: Int) async throws {
        let client = try await TestConnection(front: self.front).client
        try await client.send("POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: \(expectation)\r\n\r\n")
        let answers = try await client.receiveAnswersToEnd()
        #expect(answers.map(\.status) == [status])
        #expect(answers.map(\.closes) == [true])
    }

    // MARK: The end of a connection

    @Test(
        "what is no request is answered, then the connection ends",
        arguments: [
            ("GET /at-once\r\n\r\n", 400), ("\r\nGET / HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
            ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/1.1\nHost: x\n\n", 400),
            ("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
            ("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
            ("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400),
        ])
    func malformed(bytes: String, status: Int) async throws {
        let connection = try await TestConnection(front: self.front)
        // A good request before is answered, one behind is not read.
        try await connection.client.send(get("/at-once") + bytes + get("/at-once"))
        let answers = try await connection.client.receiveAnswersToEnd()
        #expect(answers.map(\.status) == [200, status])
        #expect(answers.map(\.closes) == [false, true])
        connection.client.leave()
        try await connection.waitUntilClosed()
        #expect(!connection.holds("secret"))
        #expect(self.journal.count(of: "malformed \(status)") + self.journal.count(of: "answered \(status)") == 1)
    }

    @Test(
        "the connection ends when client or version say so",
        arguments: [
            "GET /at-once HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "GET /at-once HTTP/1.0\r\n\r\n",
            "GET /at-once HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        ])
    func closes(request: String) async throws {
        let connection = try await TestConnection(front: self.front)
        try await connection.client.send(request + get("/at-once"))
        let answers = try await connection.client.receiveAnswersToEnd()
        #expect(answers.map(\.text) == ["at once"])
        #expect(answers.map(\.closes) == [true])
        try await connection.waitUntilClosed()
    }

    @Test("a client that shuts down its side gets all its answers, then the end", arguments: [1, 2, 50])
    func halfClosed(count: Int) async throws {
        let client = try await TestConnection(front: self.front).client
        try await client.send(String(repeating: get("/at-once"), count: count))
        client.endSending()
        #expect(try await client.receiveAnswersToEnd().map(\.text) == Array(repeating: "at once", count: count))
    }

    @Test func aClientThatShutsDownItsSideAndReadsLateLosesNothing() async throws {
        let connection = try await TestConnection(front: self.front)
        let count = 200
        try await connection.client.send(String(repeating: get("/big/20000"), count: count))
        connection.client.endSending()
        try await connection.turn()
        let answers = try await connection.client.receiveAnswersToEnd()
        #expect(answers.count == count)
        #expect(answers.allSatisfy { $0.body.count == 20_000 })
    }

    @Test func aRefusalReachesAClientThatReadsLate() async throws {
        let connection = try await TestConnection(front: self.front)
        try await connection.client.send(String(repeating: get("/big/20000"), count: 20) + "nonsense\r\n")
        connection.client.endSending()
        try await connection.turn()
        let answers = try await connection.client.receiveAnswersToEnd()
        #expect(answers.map(\.status) == Array(repeating: 200, count: 20) + [400])
    }

    @Test(
        "a client that leaves amid a request leaves nothing behind",
        arguments: [
            "", "GET /at-on", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n",
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nsecret",
            "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nsecret",
        ])
    func leaves(bytes: String) async throws {
        let connection = try await TestConnection(front: self.front)
        try await connection.client.send(bytes)
        try await connection.turn()
        connection.client.leave()
        try await connection.waitUntilClosed()
        #expect(!connection.holds("secret"))
        #expect(connection.buffersInUse == 0)
        #expect(self.journal.count(of: "released") == self.journal.count(of: "route"))
    }

    // MARK: Back pressure

    @Test func nothingIsReadWhileAnAnswerIsAwaited() async throws {
        let connection = try await TestConnection(front: self.front)
        try await connection.client.send(get("/later/a"))
        await self.journal.wait(for: "begun a")
        let requests = Array(String(repeating: get("/at-once"), count: 100).utf8)
        var sent = 0
        var growth = 0
        for _ in 0..<50 {
            growth = 0
            while case let count = connection.client.sendWhatFits(Array(requests[(sent % requests.count)...])),
                count > 0
            {
                sent += count
                growth += count
            }
            try await connection.turn()
        }
        #expect(growth == 0, "the server reads on")
        #expect(self.journal.count(of: "route") == 1)

        self.journal.note("answer a")
        let whole = get("/at-once").utf8.count
        let unsent = Array(requests[(sent % requests.count)...])
        async let rest: Void = connection.client.send(unsent)
        #expect(try await connection.client.receive().text == "later a")
        let count = (sent + whole - 1) / whole
        #expect(try await connection.client.receive(count).allSatisfy { $0.text == "at once" })
        try await rest
    }

    @Test func aClientThatDoesNotReadIsNotReadFrom() async throws {
        let connection = try await TestConnection(front: self.front)
        let requests = Array(String(repeating: get("/big/1000"), count: 100).utf8)
        var sent = 0
        var growth = 0
        for _ in 0..<200 {
            growth = 0
            while case let count = connection.client.sendWhatFits(Array(requests[(sent % requests.count)...])),
                count > 0
            {
                sent += count
                growth += count
            }
            try await connection.turn()
        }
        #expect(growth == 0, "the server reads on")
        // What the sockets hold, and one batch of answers.
        #expect(self.journal.count(of: "answered 200") < 500)

        let unsent = Array(requests[(sent % requests.count)...])
        async let rest: Void = connection.client.send(unsent)
        let whole = get("/big/1000").utf8.count
        let count = (sent + whole - 1) / whole
        #expect(try await connection.client.receive(count).allSatisfy { $0.body.count == 1000 })
        try await rest
    }
}
