// SPDX-License-Identifier: Apache-2.0

/// The relevant parts of an HTTP/1.1 answer.
struct Answer: Equatable {
    var status = 0
    /// Whether the answer came from a cache: `X-Keyside-Cache: hit` or `stale`. Nil without that header.
    var isFromCache: Bool?
    /// Whether the connection is closed after it.
    var closes = false
}

/// Parses answers in parts, and stores nothing of them, because bodies are plaintexts.
///
/// Every answer must have a `Content-Length`, as in the KES API.
struct AnswerReader {
    /// The bytes are not an answer, or its end cannot be determined.
    struct Malformed: Error, Equatable {}

    private enum Field {
        case contentLength
        case cache
        case connection
    }

    private enum Phase {
        case version
        case status
        case reason
        case fieldName
        case fieldValue(Field?)
        case body
    }

    private static let headByteCountMax = 64 * 1024
    /// Far more than any answer of the KES API.
    private static let bodyByteCountMax = 16 << 20

    private static let version = ShortToken("http/1.1")
    private static let contentLength = ShortToken("content-length")
    private static let cache = ShortToken("x-keyside-cache")
    private static let connection = ShortToken("connection")
    private static let hit = ShortToken("hit")
    private static let stale = ShortToken("stale")
    private static let close = ShortToken("close")

    private var phase = Phase.version
    private var answer = Answer()
    /// The current word.
    private var token = ShortToken()
    private var headByteCount = 0
    private var bodyByteCount: Int?
    private var bodyByteCountLeft = 0

    /// Parses from `position` to the end of the answer or of the input.
    ///
    /// - Returns: the complete answer; nil if more bytes are needed.
    mutating func read(_ input: Span<UInt8>, from position: inout Int) throws(Malformed) -> Answer? {
        while position < input.count {
            if case .body = self.phase {
                let passed = min(self.bodyByteCountLeft, input.count - position)
                position += passed
                self.bodyByteCountLeft -= passed
            } else {
                try self.readHead(input[position])
                position += 1
            }
            if case .body = self.phase, self.bodyByteCountLeft == 0 {
                let answer = self.answer
                self = AnswerReader()
                return answer
            }
        }
        return nil
    }

    private mutating func readHead(_ byte: UInt8) throws(Malformed) {
        self.headByteCount += 1
        guard self.headByteCount <= Self.headByteCountMax else { throw Malformed() }
        switch (self.phase, byte) {
        case (.version, UInt8(ascii: " ")):
            guard self.token == Self.version else { throw Malformed() }
            self.begin(.status)
        case (.status, UInt8(ascii: "0")...UInt8(ascii: "9")) where self.answer.status < 100:
            self.answer.status = self.answer.status * 10 + Int(byte - UInt8(ascii: "0"))
        case (.status, UInt8(ascii: " ")), (.status, UInt8(ascii: "\r")):
            guard self.answer.status >= 100 else { throw Malformed() }
            self.begin(.reason)
        case (.reason, UInt8(ascii: "\n")):
            self.begin(.fieldName)
        case (.fieldName, UInt8(ascii: ":")):
            self.begin(.fieldValue(self.field))
        case (.fieldName, UInt8(ascii: "\n")):
            try self.beginBody()
        case (.fieldValue(let field), UInt8(ascii: "\n")):
            self.take(field)
            self.begin(.fieldName)
        case (.fieldValue(.contentLength?), UInt8(ascii: "0")...UInt8(ascii: "9")):
            let length = (self.bodyByteCount ?? 0) * 10 + Int(byte - UInt8(ascii: "0"))
            guard length <= Self.bodyByteCountMax else { throw Malformed() }
            self.bodyByteCount = length
        case (.reason, _), (.fieldName, UInt8(ascii: "\r")), (.fieldValue, UInt8(ascii: "\r")),
            (.fieldValue, UInt8(ascii: " ")), (.fieldValue, UInt8(ascii: "\t")):
            break
        case (.version, UInt8(ascii: "!")...UInt8(ascii: "~")), (.fieldName, UInt8(ascii: "!")...UInt8(ascii: "~")),
            (.fieldValue(.cache?), _), (.fieldValue(.connection?), _):
            self.token.append(byte)
        case (.fieldValue(nil), _):
            break
        case (.version, _), (.status, _), (.fieldName, _), (.fieldValue(.contentLength?), _), (.body, _):
            throw Malformed()
        }
    }

    private mutating func begin(_ phase: Phase) {
        self.phase = phase
        self.token = ShortToken()
    }

    /// The relevant header that the current word names; nil for others.
    private var field: Field? {
        switch self.token {
        case Self.contentLength: .contentLength
        case Self.cache: .cache
        case Self.connection: .connection
        case _: nil
        }
    }

    private mutating func take(_ field: Field?) {
        switch field {
        case .cache?: self.answer.isFromCache = self.token == Self.hit || self.token == Self.stale
        case .connection?: self.answer.closes = self.token == Self.close
        case .contentLength?, nil: break
        }
    }

    private mutating func beginBody() throws(Malformed) {
        guard self.token.isEmpty, let byteCount = self.bodyByteCount else { throw Malformed() }
        self.bodyByteCountLeft = byteCount
        self.begin(.body)
    }
}
