// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import Linux
import NIOCore

extension Answer {
    /// Appends the answer as HTTP/1.1 has it.
    ///
    /// - Parameters:
    ///   - mayChunk: whether the client knows chunks.
    ///   - omitsBody: the answer is to a HEAD.
    func writeHTTP1(to buffer: inout ByteBuffer, date: String, closes: Bool, mayChunk: Bool, omitsBody: Bool) {
        let isChunked = mayChunk && !self.lengthIsAnnounced
        buffer.writeString(Self.statusLine(self.status))
        if let contentType = self.contentType {
            buffer.writeString("Content-Type: ")
            buffer.writeString(contentType)
            buffer.writeString("\r\n")
        }
        if isChunked {
            buffer.writeString("Transfer-Encoding: chunked\r\n")
        } else {
            buffer.writeString("Content-Length: ")
            buffer.writeString(String(self.body.readableBytes))
            buffer.writeString("\r\n")
        }
        for field in self.fields { buffer.writeString("\(field.name): \(field.value)\r\n") }
        buffer.writeString("Date: ")
        buffer.writeString(date)
        buffer.writeString(closes ? "\r\nConnection: close\r\n\r\n" : "\r\n\r\n")
        guard !omitsBody else { return }
        if isChunked { buffer.writeString(String(self.body.readableBytes, radix: 16) + "\r\n") }
        buffer.writeImmutableBuffer(self.body)
        if isChunked { buffer.writeString("\r\n0\r\n\r\n") }
    }

    private static func statusLine(_ status: Int) -> String {
        switch status {
        case 200: "HTTP/1.1 200 OK\r\n"
        case 301: "HTTP/1.1 301 Moved Permanently\r\n"
        case 400: "HTTP/1.1 400 Bad Request\r\n"
        case 403: "HTTP/1.1 403 Forbidden\r\n"
        case 404: "HTTP/1.1 404 Not Found\r\n"
        case 405: "HTTP/1.1 405 Method Not Allowed\r\n"
        case 406: "HTTP/1.1 406 Not Acceptable\r\n"
        case 409: "HTTP/1.1 409 Conflict\r\n"
        case 417: "HTTP/1.1 417 Expectation Failed\r\n"
        case 429: "HTTP/1.1 429 Too Many Requests\r\n"
        case 500: "HTTP/1.1 500 Internal Server Error\r\n"
        case 501: "HTTP/1.1 501 Not Implemented\r\n"
        case 502: "HTTP/1.1 502 Bad Gateway\r\n"
        case 503: "HTTP/1.1 503 Service Unavailable\r\n"
        case 504: "HTTP/1.1 504 Gateway Timeout\r\n"
        case _: "HTTP/1.1 \(status) Status\r\n"
        }
    }
}

/// The `Date` of answers, made anew once a second.
struct AnswerDate {
    private var second = -1
    private var text = ""

    mutating func current() -> String {
        let now = WallClock.currentSecond()
        if now != self.second {
            self.second = now
            self.text = HTTPDate(secondsSinceEpoch: now).description
        }
        return self.text
    }
}
