// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// Requests whose end two readers could see at different places. Each has a second request hidden behind it, which must
/// never be answered: one refusal, then the end of the connection.
@Suite struct SmugglingTests {
    private static let hidden = "GET /v1/api HTTP/1.1\r\nHost: localhost\r\n\r\n"
    private static let line = "POST /v1/key/generate/my-key HTTP/1.1\r\n"
    private static let host = "Host: localhost\r\n"

    struct Attempt: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: String
        var status = 400

        /// With these headers, `Host` among them, and a body.
        init(_ description: String, fields: String, body: String = "", status: Int = 400) {
            self.testDescription = description
            self.bytes = "\(line)\(host)\(fields)\r\n\(body)"
            self.status = status
        }

        /// With these chunks.
        init(_ description: String, chunks: String) {
            self.init(description, fields: "Transfer-Encoding: chunked\r\n", body: chunks)
        }

        init(_ description: String, raw: String, status: Int = 400) {
            self.testDescription = description
            self.bytes = raw
            self.status = status
        }
    }

    static let lengths = [
        Attempt("both lengths", fields: "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", body: "0\r\n\r\n"),
        Attempt(
            "both lengths, the other way", fields: "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            body: "0\r\n\r\n"),
        Attempt("two lengths that differ", fields: "Content-Length: 0\r\nContent-Length: 44\r\n"),
        Attempt("two lengths that agree", fields: "Content-Length: 2\r\nContent-Length: 2\r\n", body: "{}"),
        Attempt("a list of lengths", fields: "Content-Length: 2, 2\r\n", body: "{}"),
        Attempt("a length with a sign", fields: "Content-Length: +2\r\n", body: "{}"),
        Attempt("a negative length", fields: "Content-Length: -2\r\n", body: "{}"),
        Attempt("a hexadecimal length", fields: "Content-Length: 0x2\r\n", body: "{}"),
        Attempt("an empty length", fields: "Content-Length: \r\n"),
        Attempt("a length with a blank in it", fields: "Content-Length: 2 0\r\n", body: "{}"),
        Attempt("a length that is a fraction", fields: "Content-Length: 2.0\r\n", body: "{}"),
        Attempt(
            "chunked twice", fields: "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", body: "0\r\n\r\n",
            status: 501),
        Attempt(
            "chunked within another coding", fields: "Transfer-Encoding: gzip, chunked\r\n", body: "0\r\n\r\n",
            status: 501),
        Attempt("identity", fields: "Transfer-Encoding: identity\r\n", status: 501),
        Attempt("an unknown coding", fields: "Transfer-Encoding: xchunked\r\n", body: "0\r\n\r\n", status: 501),
        Attempt(
            "chunked in HTTP/1.0",
            raw: "POST /v1/key/generate/my-key HTTP/1.0\r\n\(host)Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ]

    static let chunks = [
        Attempt("a chunk size of 17 digits", chunks: "00000000000000002\r\n{}\r\n0\r\n\r\n"),
        Attempt("a chunk size that overflows", chunks: "FFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n"),
        Attempt("a chunk size with a sign", chunks: "+2\r\n{}\r\n0\r\n\r\n"),
        Attempt("a negative chunk size", chunks: "-2\r\n{}\r\n0\r\n\r\n"),
        Attempt("a chunk size with a prefix", chunks: "0x2\r\n{}\r\n0\r\n\r\n"),
        Attempt("no chunk size", chunks: "\r\n{}\r\n0\r\n\r\n"),
        Attempt("a chunk size that is none", chunks: "G\r\n{}\r\n0\r\n\r\n"),
        Attempt("a blank before the chunk size", chunks: " 2\r\n{}\r\n0\r\n\r\n"),
        Attempt("a bare line feed behind the chunk size", chunks: "2\n{}\r\n0\r\n\r\n"),
        Attempt("a bare line feed behind the chunk", chunks: "2\r\n{}\n0\r\n\r\n"),
        Attempt("a chunk longer than its size", chunks: "2\r\n{} \r\n0\r\n\r\n"),
        Attempt("a chunk without an end", chunks: "2\r\n{}0\r\n\r\n"),
        Attempt("a bare line feed in an extension", chunks: "2;a\nb\r\n{}\r\n0\r\n\r\n"),
        Attempt("an extension of a megabyte", chunks: "2;\(String(repeating: "a", count: 1 << 20))\r\n{}\r\n0\r\n\r\n"),
        Attempt("a trailer with a bare line feed", chunks: "2\r\n{}\r\n0\r\nA: b\n\r\n"),
        Attempt("a folded trailer", chunks: "2\r\n{}\r\n0\r\nA: b\r\n c\r\n\r\n"),
    ]

    static let heads = [
        Attempt("bare line feeds", raw: "GET /version HTTP/1.1\nHost: localhost\n\n"),
        Attempt("one bare line feed", raw: "GET /version HTTP/1.1\r\nA: b\nHost: localhost\r\n\r\n"),
        Attempt("a bare carriage return", raw: "GET /version HTTP/1.1\r\nA: b\rHost: localhost\r\n\r\n"),
        Attempt("a blank before the colon", fields: "Content-Length : 2\r\n", body: "{}"),
        Attempt("a tab before the colon", fields: "Transfer-Encoding\t: chunked\r\n", body: "0\r\n\r\n"),
        Attempt("a folded header", fields: "A: b\r\n c\r\n"),
        Attempt("a folded length", fields: "Content-Length:\r\n 2\r\n", body: "{}"),
        Attempt("a first header that is folded", raw: "\(line) \(host)\r\n"),
        Attempt("a NUL in a value", fields: "A: b\0c\r\n"),
        Attempt("a NUL in a name", fields: "A\0: b\r\n"),
        Attempt("a control character in a value", fields: "A: b\u{1}c\r\n"),
        Attempt("a NUL in the path", raw: "GET /version\0 HTTP/1.1\r\n\(host)\r\n"),
        Attempt("a header without a name", fields: ": b\r\n"),
        Attempt("a header without a colon", fields: "Content-Length 2\r\n", body: "{}"),
        Attempt("no Host", raw: "GET /version HTTP/1.1\r\n\r\n"),
        Attempt("two Hosts", raw: "GET /version HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        Attempt("a blank line first", raw: "\r\nGET /version HTTP/1.1\r\n\(host)\r\n"),
        Attempt("two blanks in the request line", raw: "GET  /version HTTP/1.1\r\n\(host)\r\n"),
        Attempt("a blank in the path", raw: "GET /ver sion HTTP/1.1\r\n\(host)\r\n"),
        Attempt("no version", raw: "GET /version\r\n\(host)\r\n"),
        Attempt("a version in lower case", raw: "GET /version http/1.1\r\n\(host)\r\n"),
        Attempt("HTTP/2 by name", raw: "GET /version HTTP/2.0\r\n\(host)\r\n", status: 505),
        Attempt("HTTP/1.2", raw: "GET /version HTTP/1.2\r\n\(host)\r\n", status: 505),
        Attempt("HTTP/0.9", raw: "GET /version HTTP/0.9\r\n\(host)\r\n", status: 505),
        Attempt("TLS", raw: "\u{16}\u{3}\u{1}\u{1}\u{0}\r\n\r\n"),
        Attempt(
            "headers of more than a megabyte", fields: "A: \(String(repeating: "a", count: 1_100_000))\r\n", status: 431
        ),
    ]

    @Test(arguments: Way.http11, lengths + chunks + heads)
    func aRequestThatIsNotExactlyOneIsRefusedAndNothingBehindItIsAnswered(way: Way, attempt: Attempt) throws {
        let connection = try SharedAgent.connectRaw(by: way)
        let bytes = Array((attempt.bytes + Self.hidden).utf8)
        try connection.sendWhatIsTaken(bytes)
        let answer = try connection.receiveAnswer()
        #expect(answer.status == attempt.status)
        #expect(answer.closes && answer.message?.isEmpty == false, "\(answer.text)")
        try connection.receiveEnd(mayBeReset: bytes.count > 1000)
    }

    /// The same, when the agent has seen all of the first part before the rest comes.
    @Test(arguments: Way.http11, lengths + chunks)
    func cuttingTheBytesChangesNothing(way: Way, attempt: Attempt) throws {
        guard attempt.bytes.utf8.count < 1000 else { return }
        let connection = try SharedAgent.connectRaw(by: way)
        let bytes = Array((attempt.bytes + Self.hidden).utf8)
        try connection.sendWhatIsTaken(bytes, inSegments: 50)
        #expect(try connection.receiveAnswer().status == attempt.status)
        try connection.receiveEnd(mayBeReset: true)
    }

    @Test(arguments: Way.http11) func theHiddenRequestWouldBeAnsweredWhereItIsNone(way: Way) throws {
        let connection = try SharedAgent.connectRaw(by: way)
        try connection.send("\(Self.line)\(Self.host)Content-Length: 2\r\n\r\n{}" + Self.hidden)
        #expect(try connection.receiveAnswer().isDataKey)
        #expect(try connection.receiveAnswer().json[0]["path"].string != nil)
    }
}
