// SPDX-License-Identifier: Apache-2.0

import KESProtocol
import NIOCore

/// An answer, whichever HTTP version carries it.
struct Answer: Sendable {
    var status: Int
    var contentType: String?
    var fields: [Field] = []
    var body = ByteBuffer()
    /// KES announces the lengths of refusals and of empty answers. Go does it for it where an answer has up to 2048 bytes;
    /// longer ones are chunked.
    var lengthIsAnnounced = true
    /// Whether the connection ends with it. HTTP/2 does not care.
    var closes = false

    struct Field: Sendable {
        let name: String
        let value: String
    }

    static let bodyByteCountOfKnownLengthMax = 2048

    /// `200 OK` without a body.
    static let empty = Answer(status: 200)

    static let notFound = Answer(
        status: 404, contentType: "text/plain; charset=utf-8",
        fields: [Field(name: "X-Content-Type-Options", value: "nosniff")],
        body: ByteBuffer(string: "404 page not found\n"))

    /// - Parameter method: the request's: only GET and HEAD get the page that nobody reads.
    static func redirect(to location: String, method: String) -> Answer {
        var answer = Answer(status: 301, fields: [Field(name: "Location", value: location)])
        if method == "GET" || method == "HEAD" {
            answer.contentType = "text/html; charset=utf-8"
            answer.body = ByteBuffer(string: "<a href=\"\(location)\">Moved Permanently</a>.\n\n")
        }
        return answer
    }
}

extension Answer {
    init(_ failure: KESFailure) {
        self.init(status: failure.status, contentType: "application/json", body: ByteBuffer(bytes: failure.body))
        if failure.status == 503 || failure.status == 429 {
            self.fields = [Field(name: "Retry-After", value: "1")]
        }
    }

    init(json body: some Sequence<UInt8>) {
        self.init(status: 200, contentType: "application/json", body: ByteBuffer(bytes: body))
        self.lengthIsAnnounced = self.body.readableBytes <= Self.bodyByteCountOfKnownLengthMax
    }

    init(_ message: borrowing some KESMessage & ~Copyable) {
        let byteCount = message.byteCount
        var body = ByteBuffer()
        body.writeWithOutputRawSpan(minimumWritableBytes: byteCount) { message.encode(into: &$0) }
        self.init(status: 200, contentType: "application/json", body: body)
        self.lengthIsAnnounced = byteCount <= Self.bodyByteCountOfKnownLengthMax
    }
}

/// Faults in the body.
extension Answer {
    /// Gives the member another name of the same length.
    mutating func removeMember(_ name: String) {
        let other = String(repeating: "x", count: name.utf8.count)
        self.body = ByteBuffer(
            string: String(buffer: self.body).replacing("\"\(name)\":", with: "\"\(other)\":", maxReplacements: 1))
    }

    /// Puts a member of so many bytes in front of the others.
    mutating func enlarge(by byteCount: Int) {
        guard self.body.readableBytes > 2 else { return }
        let rest =
            self.body.getSlice(at: self.body.readerIndex + 1, length: self.body.readableBytes - 1) ?? ByteBuffer()
        var body = ByteBuffer(string: "{\"filler\":\"")
        body.writeRepeatingByte(UInt8(ascii: "x"), count: byteCount)
        body.writeString("\",")
        body.writeImmutableBuffer(rest)
        self.body = body
        self.lengthIsAnnounced = false
    }
}
