// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import LockedMemory
import ServerTestSupport
import Testing

@testable import HTTPServer

/// Bytes in, requests out, however they are cut.
@Suite(.timeLimit(.minutes(5))) struct RequestIntakeTests {
    /// What an intake made of a connection's bytes, as a caller sees it that answers each request.
    fileprivate struct Transcript: Equatable {
        enum Event: Equatable {
            case head(RequestHead)
            case bodyTooLong
            case end(body: [UInt8])
            case malformed(RequestError)
        }

        private(set) var events: [Event] = []
        /// After the last byte of what is no refusal.
        private(set) var isInsideHead = false

        init(of segments: [[UInt8]], bodyByteCountMax: Int = 100, keeping: Bool = true) throws {
            var intake = RequestIntake(
                in: try SecretMemory(slotCount: 1, heapByteCountMax: 1 << 20, allowUnlocked: true))
            var unread: [UInt8] = []
            for segment in segments {
                unread += segment
                var consumed = 0
                self.isInsideHead = false
                reading: while true {
                    switch intake.next(unread.span, consumed: &consumed) {
                    case .needMoreData(let isInsideHead):
                        self.isInsideHead = isInsideHead
                        break reading
                    case .head(let head):
                        self.events.append(.head(head))
                        intake.expectBody(of: head.framing, upTo: bodyByteCountMax, keeping: keeping)
                    case .end:
                        self.events.append(
                            .end(body: intake.withBody(in: unread.span) { body in body.indices.map { body[$0] } }))
                        intake.releaseBody()
                    case .bodyTooLong:
                        self.events.append(.bodyTooLong)
                        return
                    case .noMemory:
                        Issue.record("there is no memory for a small body")
                        return
                    case .malformed(let error):
                        self.events.append(.malformed(error))
                        return
                    }
                }
                unread.removeFirst(consumed)
            }
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

    @Test("requests do not depend on how they are cut", arguments: samples)
    func segments(sample: String) throws {
        let bytes = Array(sample.utf8)
        let whole = try Transcript(of: [bytes])
        #expect(!whole.events.isEmpty || whole.isInsideHead)
        for keeping in [true, false] {
            let whole = try Transcript(of: [bytes], keeping: keeping)
            let badCut = try (0...bytes.count)
                .first { cut in
                    try Transcript(of: [Array(bytes[..<cut]), Array(bytes[cut...])], keeping: keeping) != whole
                }
            #expect(badCut == nil)
            let badByteCount = try [1, 2, 3, 5, 16, 61]
                .first { byteCount in
                    let pieces = stride(from: 0, to: bytes.count, by: byteCount)
                        .map { start in
                            Array(bytes[start..<min(start + byteCount, bytes.count)])
                        }
                    return try Transcript(of: pieces, keeping: keeping) != whole
                }
            #expect(badByteCount == nil)
        }
    }

    @Test func requestsComeWithTheirBodies() throws {
        let transcript = try Transcript(of: [Array((post("/a", "one") + chunked("/b", ["t", "wo"]) + get("/c")).utf8)])
        #expect(transcript.events.count == 6)
        #expect(transcript.events.compactMap(\.body) == ["one", "two", ""].map { Array($0.utf8) })
    }

    @Test(
        "a body of exactly the limit is whole, and one byte more is too long", arguments: [true, false], [true, false])
    func limit(announced: Bool, keeping: Bool) throws {
        for (byteCount, isTooLong) in [(9, false), (10, false), (11, true)] {
            let body = String(repeating: "x", count: byteCount)
            let bytes =
                announced ? post("/a", body) : chunked("/a", [String(body.prefix(5)), String(body.dropFirst(5))])
            let transcript = try Transcript(of: [Array(bytes.utf8)], bodyByteCountMax: 10, keeping: keeping)
            #expect(transcript.events.count == 2)
            #expect(transcript.events.last == (isTooLong ? .bodyTooLong : .end(body: keeping ? Array(body.utf8) : [])))
        }
    }

    @Test func aBodyThatNobodyWantsIsNotKept() throws {
        let transcript = try Transcript(of: [Array(post("/a", "secret").utf8)], keeping: false)
        #expect(transcript.events.last == .end(body: []))
    }

    @Test(
        "only the bytes of a head make a head late",
        arguments: [
            ("", false), ("G", true), ("GET / HTTP/1.1\r\n", true), (get("/a"), false), (get("/a") + "G", true),
            (String(post("/a", "body").dropLast()), false), (String(chunked("/a", ["body"]).dropLast()), false),
        ])
    func insideHead(bytes: String, isInsideHead: Bool) throws {
        #expect(try Transcript(of: [Array(bytes.utf8)]).isInsideHead == isInsideHead)
    }
}

extension RequestIntakeTests.Transcript.Event {
    fileprivate var body: [UInt8]? {
        guard case .end(let body) = self else { return nil }
        return body
    }
}
