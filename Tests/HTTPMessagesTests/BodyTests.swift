// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import Testing

@Suite struct BodyTests {
    @Test(
        arguments: [
            ("5\r\nhello\r\n0\r\n\r\n", "hello"),
            ("5;a=b\r\nhello\r\n1\r\n!\r\n000;c\r\n\r\n", "hello!"),
            ("A\r\n0123456789\r\n0\r\nTrailer: x\r\nContent-Length: 7\r\n\r\n", "0123456789"),
            ("4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n"),
            ("5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n"),
        ]
    )
    func chunksAreJoinedAndTheirFramingIsGone(chunks: String, body: String) {
        let transcript = Transcript(of: [UInt8]((Sample.chunked + chunks).utf8))
        #expect(transcript.events.dropFirst() == [.body([UInt8](body.utf8)), .end])
        #expect(transcript.error == nil)
    }

    @Test func anEmptyChunkedBodyIsNotTheSameAsALengthOfZero() {
        let chunked = Transcript(of: [UInt8]("\(Sample.chunked)0\r\n\r\n".utf8))
        let empty = Transcript(of: [UInt8]("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".utf8))
        let none = Transcript(of: [UInt8]("POST / HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
        #expect([chunked, empty, none].map(\.framing) == [.chunked, .length(0), RequestHead.Framing.none])
        #expect([chunked, empty, none].allSatisfy { $0.events.count == 2 && $0.events.last == .end })
    }

    @Test func aBodyIsHandedOutAsItArrives() throws {
        var parser = RequestParser()
        let request = [UInt8]("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello".utf8)
        var position = 0
        let start = request.count - 5
        _ = try parser.next(request.span.extracting(first: start + 2), consumed: &position)
        #expect(
            try parser.next(request.span.extracting(first: start + 2), consumed: &position) == .body(start..<start + 2)
        )
        #expect(try parser.next(request.span.extracting(first: start + 2), consumed: &position) == .needMoreData)
        #expect(try parser.next(request.span, consumed: &position) == .body(start + 2..<start + 5))
        #expect(try parser.next(request.span, consumed: &position) == .end)
        #expect(position == request.count)
    }

    @Test(arguments: [1, 2, 3, 7, 1_000])
    func requestsInOneSegmentOrInHundredsAreReadInOrder(pieces: Int) {
        let bytes = [UInt8](
            """
            POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 19\r\n\r\nGET /x HTTP/1.1\r\n\r\n\
            POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n\
            GET /3 HTTP/1.1\r\nHost: a\r\n\r\n
            """
            .utf8
        )
        let transcript = Transcript(of: bytes, cut: .pieces(pieces))
        #expect(transcript.targets == ["/1", "/2", "/3"])
        #expect(transcript.bodies == ["GET /x HTTP/1.1\r\n\r\n", "abcdef"])
        #expect(transcript.consumed == bytes.count)
        #expect(transcript.stage == .betweenRequests)
    }

    @Test func extensionsOfAChunkAreBounded() {
        // The budget counts the bytes after the semicolon, CRLF included.
        func chunk(_ byteCount: Int) -> [UInt8] {
            [UInt8]("\(Sample.chunked)1;\(String(repeating: "a", count: byteCount - 2))\r\nx\r\n0\r\n\r\n".utf8)
        }
        #expect(Transcript(of: chunk(4_096)).error == nil)
        #expect(Transcript(of: chunk(4_097)).error == .chunkExtensionsTooLong)
        #expect(Transcript(of: chunk(1 << 20)).error == .chunkExtensionsTooLong)
        #expect(Transcript(of: chunk(1 << 20), cut: .pieces(100)).error == .chunkExtensionsTooLong)
    }

    @Test func extensionsOfAllChunksTogetherAreBounded() {
        let chunk = "1;\(String(repeating: "a", count: 1_022))\r\nx\r\n"
        func body(_ chunks: Int) -> [UInt8] {
            [UInt8]("\(Sample.chunked)\(String(repeating: chunk, count: chunks))0\r\n\r\n".utf8)
        }
        #expect(Transcript(of: body(16)).error == nil)
        #expect(Transcript(of: body(17)).error == .chunkExtensionsTooLong)
        #expect(Transcript(of: body(16) + body(16)).events.count == 6, "each body has a budget of its own")
    }

    @Test func trailersAreBounded() {
        func trailers(_ byteCount: Int) -> [UInt8] {
            let line = "X: \(String(repeating: "y", count: byteCount - 7))\r\n\r\n"
            return [UInt8]("\(Sample.chunked)0\r\n\(line)".utf8)
        }
        #expect(Transcript(of: trailers(16 << 10)).error == nil)
        #expect(Transcript(of: trailers((16 << 10) + 1)).error == .trailersTooLarge)
        #expect(Transcript(of: trailers(1 << 20), cut: .pieces(1_000)).error == .trailersTooLarge)
    }
}

extension Transcript {
    fileprivate var framing: RequestHead.Framing? {
        if case .head(let head) = self.events.first { head.framing } else { nil }
    }

    fileprivate var targets: [String] {
        self.events.compactMap {
            if case .head(let head) = $0 { String(decoding: head.target, as: UTF8.self) } else { nil }
        }
    }

    fileprivate var bodies: [String] {
        self.events.compactMap {
            if case .body(let body) = $0 { String(decoding: body, as: UTF8.self) } else { nil }
        }
    }
}
