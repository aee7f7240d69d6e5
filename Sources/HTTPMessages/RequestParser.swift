// SPDX-License-Identifier: Apache-2.0

/// Parses the bytes of a connection into HTTP/1.1 requests, RFC 9112, and rejects everything that does not match
/// exactly.
///
/// It performs no input or output and stores no bytes. The caller keeps unconsumed bytes and passes them again,
/// followed by more:
///
///     var consumed = 0
///     reading: while true {
///         switch try parser.next(unread, consumed: &consumed) {
///         case .needMoreData: break reading  // drop the first `consumed` bytes, read on
///         case .head(let head): …
///         case .body(let range): …           // unread[range]
///         case .end: …                       // answer; go on if `head.keepsAlive`
///         }
///     }
///
/// Invariants, checked by the tests and by the fuzzer:
/// 1. The steps, their contents, and where and why a request is rejected depend only on the bytes, not on their
///    division into segments.
/// 2. Each byte is inspected at most a few times, regardless of segments.
/// 3. A request is rejected at the first byte that cannot belong to one. Only tokens that must be complete (a version,
///    a length) wait for their end.
package struct RequestParser: Sendable {
    /// For the request line and all headers with their line ends. An object store needs a hundredth of this.
    package static let headByteCountMax = 32 << 10

    /// The result of a call of ``next(_:consumed:)``.
    package enum Step: Equatable, Sendable {
        /// More bytes are needed.
        case needMoreData
        /// The same object as before if the bytes of the whole head are identical.
        case head(RequestHead)
        /// The range of a part of the body in the input; never empty. Excludes chunk framing.
        case body(Range<Int>)
        /// The request is complete. The next step belongs to the next request.
        case end
    }

    /// What the parser waits for, for the caller's timeouts.
    package enum Stage: Sendable {
        /// No byte of the next request has arrived.
        case betweenRequests
        case inHead
        case inBody
        /// A request was rejected. Every further call throws again.
        case refused
    }

    private enum Phase {
        /// State of lines and fields may be left over from the request before.
        case betweenRequests
        case requestLine
        case fields
        case body(remaining: Int)
        case chunkedBody
        case refused(RequestError)
    }

    private var phase = Phase.betweenRequests
    private var scanner = TokenScanner(byteCountMax: Self.headByteCountMax)
    private var requestLine = RequestLine()
    private var fieldLine = FieldLine()
    private var fields = RequestFields()
    private var chunks = ChunkedBody()
    private var lastHead = LastHead()

    package init() {}

    /// The stage after the bytes passed so far.
    package var stage: Stage {
        switch self.phase {
        case .betweenRequests: .betweenRequests
        case .requestLine: self.requestLine.hasBegun || self.scanner.scanned > 0 ? .inHead : .betweenRequests
        case .fields: .inHead
        case .body, .chunkedBody: .inBody
        case .refused: .refused
        }
    }

    /// Returns the next step in `input`, the unread bytes of the connection, from `consumed` on.
    ///
    /// Advances `consumed` past bytes that are no longer needed, even if no step is complete.
    package mutating func next(_ input: Span<UInt8>, consumed: inout Int) throws(RequestError) -> Step {
        let start = consumed
        self.scanner.start = start
        defer { consumed = self.scanner.start }
        let begins = self.stage == .betweenRequests
        if begins, let (head, end) = self.lastHead.find(in: input, at: start) {
            self.scanner.consume(to: end)
            return .head(self.begin(head))
        }
        do throws(RequestError) {
            let step = try self.step(input)
            if begins, case .head(let head) = step {
                self.lastHead.keep(head, of: input.extracting(start..<self.scanner.start))
            }
            return step
        } catch {
            self.phase = .refused(error)
            throw error
        }
    }

    private mutating func step(_ input: Span<UInt8>) throws(RequestError) -> Step {
        while true {
            switch self.phase {
            case .betweenRequests:
                guard self.scanner.start < input.count else { return .needMoreData }
                self.beginRequest()
            case .requestLine:
                guard try self.requestLine.read(input, &self.scanner) else { return try self.needMoreHead(input) }
                self.phase = .fields
            case .fields:
                switch try self.fieldLine.next(input, &self.scanner) {
                case .needMoreData: return try self.needMoreHead(input)
                case .field(let known?, let value): try self.fields.take(known, input.extracting(value))
                case .field(nil, _): break
                case .endOfSection: return .head(try self.endHead())
                }
            case .body(remaining: 0):
                return self.endRequest()
            case .body(let remaining):
                guard let part = self.scanner.takeBody(input, of: remaining) else { return .needMoreData }
                self.phase = .body(remaining: remaining - part.count)
                return .body(part)
            case .chunkedBody:
                let step = try self.chunks.next(input, &self.scanner)
                return step == .end ? self.endRequest() : step
            case .refused(let error):
                throw error
            }
        }
    }

    private func needMoreHead(_ input: Span<UInt8>) throws(RequestError) -> Step {
        guard !self.scanner.isExhausted(by: input) else { throw .headTooLarge }
        return .needMoreData
    }

    private mutating func beginRequest() {
        self.phase = .requestLine
        self.scanner.beginSection(byteCountMax: Self.headByteCountMax)
        self.requestLine = RequestLine(expecting: self.lastHead.target)
        self.fieldLine = FieldLine()
        self.fields = RequestFields()
    }

    private mutating func endRequest() -> Step {
        self.phase = .betweenRequests
        return .end
    }

    private mutating func endHead() throws(RequestError) -> RequestHead {
        let version = self.requestLine.version
        try self.fields.check(version: version)
        let head = RequestHead(
            method: self.requestLine.method,
            target: self.requestLine.target,
            version: version,
            framing: self.fields.framing,
            keepsAlive: version == .http11 && !self.fields.closes,
            expectation: self.fields.expectation(in: version, self.fields.framing),
            requestID: self.fields.requestID
        )
        return self.begin(head)
    }

    /// Continues with the body of a request.
    private mutating func begin(_ head: RequestHead) -> RequestHead {
        self.scanner.beginSection()
        switch head.framing {
        case .none: self.phase = .body(remaining: 0)
        case .length(let length): self.phase = .body(remaining: length)
        case .chunked:
            self.chunks = ChunkedBody()
            self.phase = .chunkedBody
        }
        return head
    }
}
