// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import HTTPMessages

/// Heads of streams of HTTP/2, field by field, and answers' heads in their form.
@Suite struct StreamHeadTests {
    private func head(
        _ fields: [(String, String)], hasBody: Bool = false
    ) throws -> RequestHead {
        var head = StreamHead()
        for (name, value) in fields { head.take(Array(name.utf8).span, Array(value.utf8).span) }
        return try head.head(hasBody: hasBody)
    }

    private func fields(_ path: String = "/a", method: String = "GET") -> [(String, String)] {
        [(":method", method), (":scheme", "https"), (":authority", "x:1"), (":path", path)]
    }

    @Test func itSaysWhatARequestOfHTTP11Says() throws {
        let head = try self.head(self.fields("/a?b", method: "PUT") + [("x-request-id", "mine"), ("other", "x")])
        #expect(head.method == .put)
        #expect(head.target == Array("/a?b".utf8))
        #expect(head.version == .http2)
        #expect(head.requestID == Array("mine".utf8))
        #expect(head.keepsAlive)
    }

    @Test func onlyAStreamThatGoesOnHasABody() throws {
        #expect(try self.head(self.fields()).framing == .none)
        #expect(try self.head(self.fields(), hasBody: true).framing == .chunked)
        let announced: [(String, String)] = self.fields() + [("content-length", "5")]
        #expect(try self.head(announced, hasBody: true).framing == .length(5))
    }

    @Test func aBodyCanBeWaitedFor() throws {
        let expecting: [(String, String)] = self.fields() + [("expect", "100-continue")]
        #expect(try self.head(expecting, hasBody: true).expectation == .continue)
        #expect(try self.head(expecting).expectation == .none)
    }

    @Test func targetsAreThoseOfHTTP11() throws {
        #expect(try self.head(self.fields("*", method: "OPTIONS")).target == [UInt8(ascii: "*")])
        let connect: [(String, String)] = [(":method", "CONNECT"), (":authority", "x:1")]
        #expect(try self.head(connect).target == Array("x:1".utf8))
        for path in ["", "*", "a", "/a b", "/\u{7F}"] {
            #expect(throws: RequestError.malformedTarget) { try self.head(self.fields(path)) }
        }
    }

    @Test func whatIsSaidTwiceOrBadlyIsRefused() {
        let faults: [([(String, String)], RequestError)] = [
            (self.fields() + [("host", "x")], .repeatedHost),
            ([(":method", "GET"), (":path", "/")], .missingHost),
            (self.fields() + [("content-length", "1"), ("content-length", "1")], .repeatedContentLength),
            (self.fields() + [("content-length", "0x1")], .malformedContentLength),
            (self.fields() + [("transfer-encoding", "chunked")], .unsupportedTransferEncoding),
            (self.fields(method: String(repeating: "A", count: 33)), .malformedMethod),
            ([(":authority", "x"), (":path", "/")], .malformedMethod),
        ]
        for (fields, fault) in faults {
            #expect(throws: fault) { try self.head(fields, hasBody: true) }
        }
    }

    @Test func fieldsHaveABudget() throws {
        let field = ("x", String(repeating: "v", count: 1_000))
        #expect(throws: RequestError.headTooLarge) {
            try self.head(self.fields() + [(String, String)](repeating: field, count: 32))
        }
        _ = try self.head(self.fields() + [(String, String)](repeating: field, count: 31))
        // Small ones cost what it takes to keep them.
        #expect(throws: RequestError.headTooLarge) {
            try self.head(self.fields() + [(String, String)](repeating: ("a", "b"), count: 1_000))
        }
    }

    @Test func anAnswersHeadIsWrittenAsFields() {
        let head = ResponseHead(
            .notFound, contentType: "text/plain", contentLength: 12,
            fields: [.init("Retry-After", "1"), .init("X-Empty", "")], requestID: .offered(Array("mine".utf8)))
        var extents: [FieldExtent] = []
        var room = [UInt8](repeating: 0, count: head.byteCountMax)
        let byteCount = unsafe room.withUnsafeMutableBytes { room in
            var output = unsafe OutputRawSpan(buffer: room, initializedCount: 0)
            head.writeFields(date: HTTPDate(secondsSinceEpoch: 0), into: &output, extents: &extents)
            return unsafe output.finalize(for: room)
        }
        var rest = room.prefix(byteCount)
        let fields = extents.map { extent in
            defer { rest = rest.dropFirst(extent.nameByteCount + extent.valueByteCount) }
            return String(decoding: rest.prefix(extent.nameByteCount), as: UTF8.self) + ": "
                + String(
                    decoding: rest.dropFirst(extent.nameByteCount).prefix(extent.valueByteCount), as: UTF8.self)
        }
        #expect(
            fields == [
                ":status: 404", "content-type: text/plain", "content-length: 12",
                "date: Thu, 01 Jan 1970 00:00:00 GMT", "retry-after: 1", "x-empty: ", "x-request-id: mine",
            ])
    }
}
