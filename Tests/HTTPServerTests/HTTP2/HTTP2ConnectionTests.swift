// SPDX-License-Identifier: Apache-2.0

import HTTP2
import Linux
import ServerTestSupport
import TestSupport
import Testing

@testable import HTTPServer

/// HTTP/2 over the Unix socket by prior knowledge, frame by frame.
@Suite(.timeLimit(.minutes(5))) struct HTTP2ConnectionTests {
    private let front = ScriptedFront()
    private var journal: Journal { self.front.journal }

    private func connect(
        limits: ServerLimits = .generous, settings: [(UInt16, UInt32)] = []
    ) async throws -> (HTTP2Client, TestConnection) {
        let connection = try await TestConnection(front: self.front, limits: limits)
        return (try await HTTP2Client(connection.client, settings: settings), connection)
    }

    // MARK: Requests

    @Test func aRequestIsAnswered() async throws {
        let (client, _) = try await self.connect()
        try await client.send(.request(1, "/at-once", [("x-request-id", "mine")]))
        let answer = try await client.receive(1)
        #expect(answer.status == 200)
        #expect(answer.text == "at once")
        #expect(
            answer.fields.map(\.name).sorted() == [":status", "content-length", "content-type", "date", "x-request-id"])
        #expect(answer["content-length"] == "7")
        #expect(answer["x-request-id"] == "mine")
        #expect(self.journal.count(of: "answered 200") == 1)
    }

    @Test("the preface may come in any pieces", arguments: [1, 3, 23])
    func prefaceInPieces(count: Int) async throws {
        let connection = try await TestConnection(front: self.front)
        for piece in stride(from: 0, to: 24, by: count) {
            try await connection.client.send(
                Array(HTTP2Client.preface.utf8.dropFirst(piece).prefix(count)))
            try await connection.turn()
        }
        let bytes = try await connection.client.receiveSome()
        #expect(bytes.count >= 9 && bytes[3] == 4)
    }

    @Test(
        "what only begins like the preface is HTTP/1.1",
        arguments: ["PRI * HTTP/2.0\r\n\r\nXX", "P * HTTP/1.1\r\n\r\n"])
    func noPreface(text: String) async throws {
        let connection = try await TestConnection(front: self.front)
        try await connection.client.send(text)
        let answer = try await connection.client.receive()
        #expect([400, 505].contains(answer.status))
    }

    @Test func aHeadHasNoBody() async throws {
        let (client, _) = try await self.connect()
        try await client.send(.request(1, "HEAD", "/big/1000"))
        let answer = try await client.receive(1)
        #expect(answer["content-length"] == "1000")
        #expect(answer.body.isEmpty)
    }

    @Test func anEmptyBodyIsAnnouncedByTheHeadAlone() async throws {
        let (client, _) = try await self.connect()
        try await client.send(
            .request(1, "PUT", "/echo"), .request(3, "PUT", "/echo", [("content-length", "0")], ends: false),
            .data(3, ""), .request(5, "PUT", "/echo", ends: false), .data(5, ""))
        #expect(try await client.receive(1).text == "")
        #expect(try await client.receive(3).text == "")
        #expect(try await client.receive(5).text == "nothing, and that was not announced")
    }

    @Test func aBodyMayComeInPiecesAmongOthers() async throws {
        let (client, _) = try await self.connect()
        try await client.send(
            .request(1, "PUT", "/echo", ends: false), .request(3, "PUT", "/echo", ends: false),
            .data(1, "a", ends: false), .data(3, "x", ends: false), .data(1, "b", ends: false), .data(3, "y"),
            .data(1, ""))
        #expect(try await client.receive(1).text == "ab")
        #expect(try await client.receive(3).text == "xy")
    }

    @Test func aBodyIsAskedFor() async throws {
        let (client, _) = try await self.connect()
        try await client.send(.request(1, "PUT", "/echo", [("expect", "100-continue")], ends: false))
        try await client.receive { $0.answers[1]?.status == 100 }
        try await client.send(.data(1, "body"))
        #expect(try await client.receive(1).text == "body")
        try await client.send(.request(3, "PUT", "/echo", [("expect", "wonders")], ends: false))
        #expect(try await client.receive(3).status == 417)
    }

    // MARK: Refusals

    typealias Fields = [(String, String)]

    private static let plain: Fields = [
        (":method", "GET"), (":scheme", "http"), (":authority", "x"), (":path", "/at-once"),
    ]
    private static let twoHosts: Fields = Self.plain + [("host", "x")]
    private static let badHost: Fields = [
        (":method", "GET"), (":scheme", "http"), (":authority", "x y"), (":path", "/at-once"),
    ]
    private static let expecting: Fields = Self.plain + [("expect", "wonders")]
    private static let large: Fields =
        Self.plain + Fields(repeating: ("x", String(repeating: "v", count: 4_000)), count: 12)

    @Test(
        "what HTTP/1.1 refuses is refused",
        arguments: zip([Self.twoHosts, Self.badHost, Self.expecting, Self.large], [400, 400, 417, 431]))
    func refused(fields: Fields, status: Int) async throws {
        let (client, _) = try await self.connect()
        let block = HTTP2Client.Frame.block(fields)
        var frames: [HTTP2Client.Frame] = []
        for start in stride(from: 0, to: block.count, by: 16_000) {
            let end = min(block.count, start + 16_000)
            let flags: UInt8 = (start == 0 ? 1 : 0) | (end == block.count ? 4 : 0)
            frames.append(.init(type: start == 0 ? 1 : 9, flags: flags, stream: 1, payload: Array(block[start..<end])))
        }
        try await client.send(frames)
        let answer = try await client.receive(1)
        #expect(answer.status == status || answer.resetCode != nil && status == 400)
        try await client.send(.request(3, "/at-once"))
        #expect(try await client.receive(3).text == "at once")
    }

    private static let notOfHTTP2: [Fields] = [
        [("transfer-encoding", "chunked")], [("connection", "close")], [("Upper", "case")], [("x", "a\u{0}b")],
        [("content-length", "5"), ("content-length", "5")], [("content-length", "+5")], [("te", "gzip")],
        [(":status", "200")], [("x y", "z")],
    ]

    @Test(
        "what is no request of HTTP/2 resets the stream",
        arguments: Self.notOfHTTP2)
    func reset(fields: Fields) async throws {
        let (client, _) = try await self.connect()
        try await client.send(.request(1, "GET", "/at-once", fields))
        let answer = try await client.receive(1)
        #expect(answer.resetCode != nil || answer.status == 400)
        #expect(self.journal.count(of: "answered 200") == 0)
        try await client.send(.request(3, "/at-once"))
        #expect(try await client.receive(3).text == "at once")
    }

    @Test func aBodyThatIsNotAsLongAsAnnouncedIsNone() async throws {
        let (client, _) = try await self.connect()
        try await client.send(.request(1, "PUT", "/echo", [("content-length", "5")], ends: false), .data(1, "four"))
        #expect(try await client.receive(1).resetCode == 1)
        #expect(self.journal.count(of: "answered 200") == 0)
    }

    @Test func aBodyThatIsTooLongIsRefusedAndTheConnectionLives() async throws {
        let (client, _) = try await self.connect()
        try await client.send(.request(1, "PUT", "/echo", [("content-length", "1000001")], ends: false))
        let announced = try await client.receive(1)
        #expect(announced.status == 400)
        #expect(announced.text == "body is too large")

        try await client.send(.request(3, "PUT", "/echo", ends: false))
        let piece = String(repeating: "x", count: 16_000)
        for _ in 0..<4 { try await client.send(.data(3, piece, ends: false)) }
        for _ in 0..<60 where client.answers[3] == nil {
            try await client.send(.data(3, piece, ends: false))
        }
        #expect(try await client.receive(3).status == 400)
        try await client.send(.request(5, "/at-once"))
        #expect(try await client.receive(5).text == "at once")
    }

    @Test func bodiesOfAllStreamsTogetherHaveTheirBound() async throws {
        var limits = ServerLimits.generous
        limits.http2.heldByteCount = 20_000
        let (client, connection) = try await self.connect(limits: limits)
        try await client.send(
            .request(1, "PUT", "/echo", ends: false), .data(1, String(repeating: "a", count: 15_000), ends: false),
            .request(3, "PUT", "/echo", ends: false), .data(3, String(repeating: "b", count: 15_000)))
        #expect(try await client.receive(3).status == 503)
        try await client.send(.data(1, ""))
        #expect(try await client.receive(1).body.count == 15_000)
        try await connection.turn()
        #expect(!connection.holds("bbbb"))
    }

    // MARK: Many at a time

    @Test func answersComeAsTheyAreMade() async throws {
        let (client, _) = try await self.connect()
        let count = 50
        for index in 0..<count {
            try await client.send(.request(Int32(2 * index + 1), "PUT", "/later/\(index)", ends: false))
            try await client.send(.data(Int32(2 * index + 1), "body"))
        }
        for index in 0..<count { await self.journal.wait(for: "begun \(index)") }
        for index in (0..<count).reversed() {
            self.journal.note("answer \(index)")
            #expect(try await client.receive(Int32(2 * index + 1)).text == "later \(index)")
        }
        #expect(self.journal.count(of: "answered 200") == count)
    }

    @Test func oneStreamTooManyEndsTheConnection() async throws {
        var limits = ServerLimits.generous
        limits.http2.concurrentStreams = 2
        let (client, connection) = try await self.connect(limits: limits)
        try await client.receive { !$0.settings.isEmpty }
        #expect(client.settings[3] == 2)
        // It counts once the client has acknowledged it.
        try await client.send(HTTP2Client.Frame(type: 4, flags: 1))
        try await client.send(.request(1, "/later/a"), .request(3, "/later/b"))
        await self.journal.wait(for: "begun b")
        try await client.send(.request(5, "/at-once"))
        try await client.receiveToEnd()
        #expect(client.goAways.last?.code == 1)
        await self.journal.wait(for: "cancelled a")
        self.journal.note("answer a")
        self.journal.note("answer b")
        client.client.leave()
        try await connection.waitUntilClosed()
    }

    @Test func aStreamThatIsGivenUpIsNotWaitedFor() async throws {
        let (client, connection) = try await self.connect()
        try await client.send(.request(1, "PUT", "/later/a", ends: false), .data(1, "secret"))
        await self.journal.wait(for: "begun a")
        try await client.send(.reset(1))
        await self.journal.wait(for: "cancelled a")
        self.journal.note("answer a")
        await self.journal.wait(for: "released")
        try await client.send(.request(3, "/at-once"))
        #expect(try await client.receive(3).text == "at once")
        try await connection.turn()
        #expect(!connection.holds("secret"))
        #expect(!connection.holds("later a"))
    }

    @Test func aConnectionThatIsGivenUpIsNotWaitedFor() async throws {
        let (client, connection) = try await self.connect()
        try await client.send(.request(1, "/later/a"), .request(3, "/later/b"))
        await self.journal.wait(for: "begun a")
        await self.journal.wait(for: "begun b")
        client.client.leave()
        await self.journal.wait(for: "cancelled a")
        await self.journal.wait(for: "cancelled b")
        try await connection.waitUntilClosed()
        self.journal.note("answer a")
        self.journal.note("answer b")
        await self.journal.wait(for: "released", times: 2)
        #expect(connection.buffersInUse == 0)
    }

    @Test func aClientThatShutsDownItsSideGetsItsAnswers() async throws {
        let (client, connection) = try await self.connect()
        try await client.send(.request(1, "/later/a"))
        await self.journal.wait(for: "begun a")
        client.client.endSending()
        try await connection.turn()
        self.journal.note("answer a")
        #expect(try await client.receive(1).text == "later a")
        try await client.receiveToEnd()
        #expect(client.hasEnded)
    }

    /// Nothing that the client has left undone can go on: neither a body nor a window gets more.
    @Test func aClientThatShutsDownItsSideLeavesNothingOpen() async throws {
        let (client, connection) = try await self.connect(settings: [(4, 0)])
        try await client.send(.request(1, "/big/100"), .request(3, "PUT", "/later/a", ends: false))
        try await connection.turn()
        client.client.endSending()
        try await connection.waitUntilClosed()
        #expect(!connection.holds("bbbbbbbbbb"))
    }

    // MARK: Flow control

    @Test func anAnswerWaitsForTheWindow() async throws {
        let (client, connection) = try await self.connect(settings: [(4, 10)])
        try await client.send(.request(1, "/big/25"))
        try await client.receive { $0.answers[1]?.body.count == 10 }
        try await client.send(.request(3, "/at-once"))
        #expect(try await client.receive(3).text == "at once")
        try await client.send(.window(1, 5))
        try await client.receive { $0.answers[1]?.body.count == 15 }
        try await client.send(.window(1, 100))
        #expect(try await client.receive(1).body.count == 25)
        try await connection.turn()
        #expect(!connection.holds("bbbbbbbbbb"))
    }

    @Test func whoReadsNothingIsNotServedForEver() async throws {
        var limits = ServerLimits.generous
        limits.http2.unreadByteCount = 100_000
        let (client, connection) = try await self.connect(limits: limits, settings: [(4, 0)])
        // The connection may end before the last request is sent.
        for index in 0..<20 { try? await client.send(.request(Int32(2 * index + 1), "/big/10000")) }
        try await connection.waitUntilClosed()
        #expect(!connection.holds("bbbbbbbbbb"))
    }

    @Test func anAnswerThatNobodyReadsIsGivenUp() async throws {
        let (client, connection) = try await self.connect(
            limits: .generous.with(\.idleTimeout, .milliseconds(10)), settings: [(4, 0)])
        try await client.send(.request(1, "/big/100"))
        #expect(try await client.receive(1).resetCode == 8)
        try await connection.turn()
        #expect(!connection.holds("bbbbbbbbbb"))
    }

    // MARK: Floods

    @Test func streamsOpenedAndResetAtOnceEndTheConnection() async throws {
        let (client, connection) = try await self.connect()
        for index in 0..<300 {
            let stream = Int32(2 * index + 1)
            try await client.send(.request(stream, "PUT", "/later/\(index)", ends: false), .reset(stream))
        }
        try await client.receiveToEnd()
        #expect(client.hasEnded)
        client.client.leave()
        try await connection.waitUntilClosed()
        #expect(self.journal.count(of: "route") <= 300)
    }

    @Test(
        "frames that ask for nothing end the connection in the end",
        arguments: [
            HTTP2Client.Frame.ping(), .settings(), .data(1, "", ends: false), .window(0, 1),
        ])
    func floods(frame: HTTP2Client.Frame) async throws {
        let (client, connection) = try await self.connect()
        try await client.send(.request(1, "PUT", "/echo", ends: false))
        let frames = [HTTP2Client.Frame](repeating: frame, count: 1_100)
        // It may be closed before all is sent.
        try? await client.send(frames)
        try? await client.receiveToEnd()
        client.client.leave()
        try await connection.waitUntilClosed()
        #expect(client.hasEnded || client.goAways.last?.code == 11)
    }

    // MARK: Time

    @Test func aHeadMustCome() async throws {
        let (client, connection) = try await self.connect(limits: .generous.with(\.headerTimeout, .milliseconds(10)))
        try await client.send(
            HTTP2Client.Frame(type: 1, flags: 1, stream: 1, payload: HTTP2Client.Frame.block([(":method", "GET")])))
        try await connection.waitUntilClosed()
    }

    @Test func aBodyMustCome() async throws {
        let (client, _) = try await self.connect()
        try await client.send(.request(1, "PUT", "/brief/a", ends: false))
        #expect(try await client.receive(1).status == 408)
        #expect(try await client.receive(1).resetCode == nil)
    }

    @Test func aBackendMustAnswer() async throws {
        let (client, _) = try await self.connect()
        try await client.send(.request(1, "/brief/a"))
        let answer = try await client.receive(1)
        #expect(answer.status == 504)
        #expect(answer.text == "timed out")
        await self.journal.wait(for: "cancelled a")
        self.journal.note("answer a")
    }

    @Test func anIdleConnectionIsEnded() async throws {
        let (client, connection) = try await self.connect(limits: .generous.with(\.idleTimeout, .milliseconds(10)))
        try await client.receiveToEnd()
        #expect(client.goAways.last?.code == 0)
        client.client.leave()
        try await connection.waitUntilClosed()
    }

    // MARK: The end

    @Test func aDrainTellsTwiceAndAnswersWhatIsInWork() async throws {
        let (client, connection) = try await self.connect()
        try await client.send(.request(1, "/later/a"))
        await self.journal.wait(for: "begun a")
        try await connection.drain()
        try await client.receive { !$0.pings.isEmpty }
        #expect(client.goAways.map(\.last) == [.max])

        // What crosses with it on the way is answered too.
        try await client.send(.request(3, "/at-once"))
        #expect(try await client.receive(3).text == "at once")
        try await client.send(HTTP2Client.Frame(type: 6, flags: 1, payload: try #require(client.pings.first).payload))
        try await client.receive { $0.goAways.count == 2 }
        #expect(client.goAways.last?.last == 3)
        #expect(client.goAways.last?.code == 0)

        self.journal.note("answer a")
        #expect(try await client.receive(1).text == "later a")
        try await client.receiveToEnd()
        client.client.leave()
        try await connection.waitUntilClosed()
    }

    @Test func aClientThatDoesNotAnswerIsNotWaitedForWhenDraining() async throws {
        let (client, connection) = try await self.connect(limits: .generous.with(\.drainGrace, .milliseconds(10)))
        try await client.send(.request(1, "/at-once"))
        #expect(try await client.receive(1).text == "at once")
        try await connection.drain()
        try await client.receiveToEnd()
        #expect(client.goAways.map(\.last) == [.max, 1])
    }

    // MARK: Memory

    @Test func nothingIsLeftOfWhatWasAsked() async throws {
        let (client, connection) = try await self.connect()
        for index in 0..<20 {
            let stream = Int32(2 * index + 1)
            try await client.send(.request(stream, "PUT", "/echo", ends: false), .data(stream, "a secret"))
            #expect(try await client.receive(stream).text == "a secret")
        }
        try await connection.turn()
        #expect(!connection.holds("a secret"))
        #expect(connection.buffersInUse == 0)
    }
}

extension HTTP2Client.Frame {
    fileprivate static func request(_ stream: Int32, _ path: String, _ more: [(String, String)] = []) -> Self {
        .request(stream, "GET", path, more)
    }
}
