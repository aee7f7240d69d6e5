// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import LoadGenerator

@Suite struct AnswerReaderTests {
    /// Answers and what is to be read of each.
    static let samples: [(String, Answer)] = [
        (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\nX-Keyside-Cache: hit\r\n\r\nhello",
            Answer(status: 200, isFromCache: true)
        ),
        (
            "HTTP/1.1 200 OK\r\nx-keyside-cache:STALE\r\ncontent-length:1\r\n\r\n\n",
            Answer(status: 200, isFromCache: true)
        ),
        ("HTTP/1.1 200\r\nX-Keyside-Cache: miss\r\nContent-Length: 0\r\n\r\n", Answer(status: 200, isFromCache: false)),
        (
            "HTTP/1.1 200 OK\r\nX-Keyside-Cache: coalesced \r\nContent-Length: 0\r\n\r\n",
            Answer(status: 200, isFromCache: false)
        ),
        (
            "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 12\r\nConnection: close\r\n\r\nHTTP/1.1 200",
            Answer(status: 503, closes: true)
        ),
        (
            "HTTP/1.1 404 Not Found\r\nX-Keyside-Cache-Not: hit\r\nContent-Length: 2\r\nDate: a: b\r\n\r\n\r\n",
            Answer(status: 404)
        ),
    ]

    private static func answers(_ pieces: [Span<UInt8>.Index], of bytes: [UInt8]) throws -> [Answer] {
        var reader = AnswerReader()
        var answers: [Answer] = []
        for (start, end) in zip([0] + pieces, pieces + [bytes.count]) {
            let piece = Array(bytes[start..<end])
            var position = 0
            while let answer = try reader.read(piece.span, from: &position) { answers.append(answer) }
            #expect(position == piece.count)
        }
        return answers
    }

    @Test(arguments: samples)
    func anAnswerIsReadHoweverItIsCut(text: String, answer: Answer) throws {
        let bytes = [UInt8](text.utf8)
        for cut in 0...bytes.count { #expect(try Self.answers([cut], of: bytes) == [answer], "cut at \(cut)") }
        #expect(try Self.answers(Array(1..<bytes.count), of: bytes) == [answer], "byte by byte")
    }

    @Test func oneAnswerFollowsAnother() throws {
        let bytes = Self.samples.flatMap { Array($0.0.utf8) }
        let answers = Self.samples.map(\.1)
        #expect(try Self.answers([], of: bytes) == answers)
        for cut in 0...bytes.count { #expect(try Self.answers([cut], of: bytes) == answers, "cut at \(cut)") }
    }

    @Test func thereIsNoAnswerBeforeItsLastByte() throws {
        let bytes = [UInt8](Self.samples[0].0.utf8)
        for count in 0..<bytes.count {
            var reader = AnswerReader()
            var position = 0
            #expect(try reader.read(bytes.span.extracting(first: count), from: &position) == nil)
            #expect(position == count)
        }
    }

    @Test(
        arguments: [
            "HTTP/1.0 200 OK\r\n", "HTTP/2 200\r\n", "SSH-2.0-OpenSSH\r\n", "\r\n", "HTTP/1.1 20 OK\r\n",
            "HTTP/1.1 2000 OK\r\n", "HTTP/1.1 OK\r\n", "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "HTTP/1.1 200 OK\r\nno field\r\n\r\n",
        ]
    )
    func whatIsNoAnswerIsRefused(text: String) {
        #expect(throws: AnswerReader.Malformed()) { try Self.answers([], of: [UInt8](text.utf8)) }
    }

    @Test func aHeadWithoutEndIsRefused() {
        let head = "HTTP/1.1 200 OK\r\nX: \(String(repeating: "a", count: 70_000))"
        #expect(throws: AnswerReader.Malformed()) { try Self.answers([], of: [UInt8](head.utf8)) }
    }
}
