// SPDX-License-Identifier: Apache-2.0

import Glibc
import HTTPWire
import Linux
import NIOCore
import Testing

@testable import Server

/// Bytes in, requests out, however they are cut; and nothing left where they lay.
@Suite(.timeLimit(.minutes(1))) struct RequestIntakeTests {
    /// What an intake made of a connection's bytes, as a caller sees it that answers each request.
    fileprivate struct Transcript: Equatable {
        enum Event: Equatable {
            case head(RequestHead)
            case bodyTooLong
            case end(body: [UInt8])
            case malformed(RequestError)
        }

        var events: [Event] = []
        /// After the last byte of what is no refusal.
        var isInsideHead = false
        var isWiped = true

        init(of segments: [[UInt8]], bodyByteCountMax: Int = 100, keeping: Bool = true) {
            var intake = RequestIntake()
            var received: [ByteBuffer] = []
            segments: for segment in segments {
                let buffer = ByteBuffer(bytes: segment)
                received.append(buffer)
                intake.receive(buffer)
                self.isInsideHead = false
                reading: while true {
                    switch intake.next() {
                    case .needMoreData(let isInsideHead):
                        self.isInsideHead = isInsideHead
                        break reading
                    case .head(let head):
                        self.events.append(.head(head))
                        intake.expectBody(upTo: bodyByteCountMax, keeping: keeping)
                    case .end:
                        let body = intake.body
                        self.events.append(.end(body: Array(body.readableBytesView)))
                        intake.releaseBody()
                        self.isWiped = self.isWiped && body.isWiped
                    case .bodyTooLong:
                        self.events.append(.bodyTooLong)
                        break segments
                    case .malformed(let error):
                        self.events.append(.malformed(error))
                        break segments
                    }
                }
                self.isWiped = self.isWiped && received.allSatisfy(\.isWiped)
            }
            intake.wipe()
            self.isWiped = self.isWiped && received.allSatisfy(\.isWiped)
        }
    }

    static let samples = [
        get("/a"), get("/a") + get("/b"), post("/a", "body"), post("/a", ""), chunked("/a", ["b", "od", "y"]),
        chunked("/a", []), post("/a", "body") + chunked("/b", ["bo", "dy"]) + get("/c") + post("/d", "x"),
        "GET /a HTTP/1.1\r\nHost: x\r\nX-Filler: \(String(repeating: "y", count: 100))\r\n\r\n",
        "GET /a HTTP/1.1\r\nHo",
        post("/a", "0123456789").dropLast(3).description, post("/a", String(repeating: "x", count: 100)),
        post("/a", String(repeating: "x", count: 101)) + get("/b"),
        chunked("/a", [String(repeating: "x", count: 50), String(repeating: "y", count: 51), "z"]),
        get("/a") + "nonsense\r\n" + get("/b"), "GET /a HTTP/1.1\nHost: x\n\n",
        "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbodyX", "\r\n",
    ]

    @Test("requests do not depend on how they are cut, and every segment is wiped", arguments: samples)
    func segments(sample: String) {
        let bytes = Array(sample.utf8)
        let whole = Transcript(of: [bytes])
        #expect(!whole.events.isEmpty || whole.isInsideHead)
        #expect(whole.isWiped)
        for keeping in [true, false] {
            let whole = Transcript(of: [bytes], keeping: keeping)
            let badCut = (0...bytes.count)
                .first { cut in
                    Transcript(of: [Array(bytes[..<cut]), Array(bytes[cut...])], keeping: keeping) != whole
                }
            #expect(badCut == nil)
            let badByteCount = [1, 2, 3, 5, 16, 61]
                .first { byteCount in
                    let pieces = stride(from: 0, to: bytes.count, by: byteCount)
                        .map { start in
                            Array(bytes[start..<min(start + byteCount, bytes.count)])
                        }
                    return Transcript(of: pieces, keeping: keeping) != whole
                }
            #expect(badByteCount == nil)
        }
    }

    @Test func requestsComeWithTheirBodies() throws {
        let transcript = Transcript(of: [Array((post("/a", "one") + chunked("/b", ["t", "wo"]) + get("/c")).utf8)])
        #expect(transcript.events.count == 6)
        #expect(transcript.events.compactMap(\.body) == ["one", "two", ""].map { Array($0.utf8) })
    }

    @Test(
        "a body of exactly the limit is whole, and one byte more is too long", arguments: [true, false], [true, false])
    func limit(announced: Bool, keeping: Bool) {
        for (byteCount, isTooLong) in [(9, false), (10, false), (11, true)] {
            let body = String(repeating: "x", count: byteCount)
            let bytes =
                announced ? post("/a", body) : chunked("/a", [String(body.prefix(5)), String(body.dropFirst(5))])
            let transcript = Transcript(of: [Array(bytes.utf8)], bodyByteCountMax: 10, keeping: keeping)
            #expect(transcript.events.count == 2)
            #expect(transcript.events.last == (isTooLong ? .bodyTooLong : .end(body: keeping ? Array(body.utf8) : [])))
        }
    }

    @Test func aBodyThatNobodyWantsIsNotKept() {
        let transcript = Transcript(of: [Array(post("/a", "secret").utf8)], keeping: false)
        #expect(transcript.events.last == .end(body: []))
        #expect(transcript.isWiped)
    }

    @Test(
        "only the bytes of a head make a head late",
        arguments: [
            ("", false), ("G", true), ("GET / HTTP/1.1\r\n", true), (get("/a"), false), (get("/a") + "G", true),
            (String(post("/a", "body").dropLast()), false), (String(chunked("/a", ["body"]).dropLast()), false),
        ])
    func insideHead(bytes: String, isInsideHead: Bool) {
        #expect(Transcript(of: [Array(bytes.utf8)]).isInsideHead == isInsideHead)
    }

    // MARK: Wiping

    @Test func whatIsLeftOfASegmentMovesOutOfIt() throws {
        var intake = RequestIntake()
        let segment = ByteBuffer(string: get("/a") + "POST /secret HTTP/1.1\r\nHo")
        intake.receive(segment)
        guard case .head = intake.next() else { throw Unexpected() }
        intake.expectBody(upTo: 0, keeping: false)
        guard case .end = intake.next() else { throw Unexpected() }
        #expect(!segment.isWiped)
        #expect(!intake.isEmpty)
        guard case .needMoreData(isInsideHead: true) = intake.next() else { throw Unexpected() }
        #expect(segment.isWiped)
        #expect(!intake.isEmpty)

        let rest = ByteBuffer(string: "st: x\r\nContent-Length: 1\r\n\r\nx")
        intake.receive(rest)
        #expect(rest.isWiped)
        guard case .head(let head) = intake.next() else { throw Unexpected() }
        #expect(String(decoding: head.target, as: UTF8.self) == "/secret")
        intake.expectBody(upTo: 1, keeping: true)
        guard case .end = intake.next() else { throw Unexpected() }
        #expect(intake.isEmpty)
    }

    @Test func aSegmentIsWipedWhenTheNextTakesItsPlace() throws {
        var intake = RequestIntake()
        let first = ByteBuffer(string: post("/a", "secret"))
        intake.receive(first)
        guard case .head = intake.next() else { throw Unexpected() }
        intake.expectBody(upTo: 6, keeping: true)
        guard case .end = intake.next() else { throw Unexpected() }
        #expect(!first.isWiped)
        intake.receive(ByteBuffer(string: get("/b")))
        #expect(first.isWiped)
    }

    @Test("a body is wiped when it is released, however long it was", arguments: [1, 100, 16_384, 16_385, 1_000_000])
    func releasedBody(byteCount: Int) throws {
        var intake = RequestIntake()
        for _ in 0..<2 {
            let text = String(repeating: "s", count: byteCount)
            intake.receive(ByteBuffer(string: post("/a", text)))
            guard case .head = intake.next() else { throw Unexpected() }
            intake.expectBody(upTo: byteCount, keeping: true)
            guard case .end = intake.next() else { throw Unexpected() }
            let body = intake.body
            #expect(body.readableBytes == byteCount)
            intake.releaseBody()
            #expect(body.isWiped)
            #expect(intake.body.readableBytes == 0)
            #expect(intake.body.capacity <= 16_384)
        }
    }

    @Test func wipingWipesAllThatIsHeld() throws {
        var intake = RequestIntake()
        let segment = ByteBuffer(string: "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\nsecret")
        intake.receive(segment)
        guard case .head = intake.next() else { throw Unexpected() }
        intake.expectBody(upTo: 100, keeping: true)
        guard case .needMoreData = intake.next() else { throw Unexpected() }
        let body = intake.body
        let more = ByteBuffer(string: " and more")
        intake.receive(more)
        #expect(body.readableBytes == 6)
        intake.wipe()
        #expect(body.isWiped)
        #expect(more.isWiped)
        #expect(segment.isWiped)
        #expect(intake.isEmpty)
        #expect(intake.body.readableBytes == 0)
    }

    // MARK: Cost

    @Test func aSegmentCostsTheSameWhateverIsHeldAlready() throws {
        // The ratio would be 100 if what is held were copied for each segment.
        let few = try Self.cost(ofSegmentsBehind: 10)
        let many = try Self.cost(ofSegmentsBehind: 900_000)
        #expect(many < few * 10)
    }

    /// Processor time that ten thousand segments of one byte take in a head that has so many already.
    private static func cost(ofSegmentsBehind byteCount: Int) throws -> Duration {
        var intake = RequestIntake()
        intake.receive(ByteBuffer(string: "GET / HTTP/1.1\r\nX-Filler: " + String(repeating: "y", count: byteCount)))
        guard case .needMoreData(isInsideHead: true) = intake.next() else { throw Unexpected() }
        let before = Self.processorTime()
        for _ in 0..<10_000 {
            intake.receive(ByteBuffer(string: "y"))
            guard case .needMoreData(isInsideHead: true) = intake.next() else { throw Unexpected() }
        }
        return Self.processorTime() - before
    }

    private static func processorTime() -> Duration {
        var time = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    @Test func anEndlessStreamWhoseSegmentsEndInsideARequestHoldsNoMoreThanASegment() throws {
        var intake = RequestIntake()
        let request = Array(post("/a", String(repeating: "x", count: 50_000)).utf8)
        intake.receive(ByteBuffer(bytes: request.prefix(10)))
        var served = 0
        let before = ProcessStatistics.current().heapByteCount
        for _ in 0..<2_000 {
            intake.receive(ByteBuffer(bytes: request.dropFirst(10) + request.prefix(10)))
            reading: while true {
                switch intake.next() {
                case .needMoreData: break reading
                case .head: intake.expectBody(upTo: request.count, keeping: false)
                case .end: served += 1
                case .bodyTooLong, .malformed: throw Unexpected()
                }
            }
        }
        #expect(served == 2_000)
        // 100 MB have gone through. Other tests run beside this one.
        #expect(ProcessStatistics.current().heapByteCount - before < 50_000_000)
    }
}

extension RequestIntakeTests.Transcript.Event {
    fileprivate var body: [UInt8]? {
        guard case .end(let body) = self else { return nil }
        return body
    }
}

private struct Unexpected: Error {}
