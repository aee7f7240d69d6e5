// SPDX-License-Identifier: Apache-2.0

import HTTPWire
import NIOCore
import WipedBuffers

/// Makes requests of what a connection receives: a head, then a whole body without its chunks.
///
/// It holds the bytes between two reads and wipes them where they lie once they have been used.
struct RequestIntake {
    enum Event {
        /// Nothing more to be had before the next ``receive(_:)``. `isInsideHead` if a head has begun and is not complete.
        case needMoreData(isInsideHead: Bool)
        /// A request begins. ``expectBody(upTo:keeping:)`` is to follow.
        case head(RequestHead)
        /// The body has grown over the limit. The request cannot be answered on its merits.
        case bodyTooLong
        /// The request is complete, its body in ``body``. ``releaseBody()`` is to follow.
        case end
        /// The bytes are no request. There is no telling where the next one would begin.
        case malformed(RequestError)
    }

    /// The body of the request in work, so far.
    private(set) var body = ByteBuffer()

    private var parser = RequestParser()
    private var input = ByteBuffer()
    /// Whether `input` is the channel's buffer, which it reads into again when nobody else holds it.
    private var inputIsBorrowed = false
    private var bodyByteCountMax = 0
    private var keepsBody = false
    private var bodyByteCount = 0

    /// A body's buffer that has grown beyond this is not kept for the next request.
    private static let keptCapacityMax = 16 * 1024

    /// Whether everything received has been used: the client is silent, or waits.
    var isEmpty: Bool { self.input.readableBytes == 0 }

    /// Takes what the channel has read.
    mutating func receive(_ bytes: ByteBuffer) {
        self.settle()
        guard self.input.readableBytes > 0 else {
            self.input = bytes
            self.inputIsBorrowed = true
            return
        }
        self.input.writeImmutableBuffer(bytes)
        bytes.wipeInPlace()
    }

    /// What the bytes received so far amount to. To be called until it needs more.
    mutating func next() -> Event {
        while true {
            var consumed = 0
            let step: RequestParser.Step
            do throws(RequestError) {
                step = try Self.step(&self.parser, self.input, &consumed)
            } catch {
                return .malformed(error)
            }
            if case .body(let range) = step, self.keepsBody {
                Self.append(self.input, range, to: &self.body)
            }
            self.input.moveReaderIndex(forwardBy: consumed)
            switch step {
            case .needMoreData:
                self.settle()
                return .needMoreData(isInsideHead: self.parser.stage == .inHead)
            case .head(let head):
                return .head(head)
            case .body(let range):
                self.bodyByteCount += range.count
                if self.bodyByteCount > self.bodyByteCountMax { return .bodyTooLong }
            case .end:
                return .end
            }
        }
    }

    // The spans of one stored property and the mutation of another are apart in functions of their own only: within
    // `self` the compiler takes them for overlapping.

    private static func step(
        _ parser: inout RequestParser, _ input: borrowing ByteBuffer, _ consumed: inout Int
    ) throws(RequestError) -> RequestParser.Step {
        try parser.next(input.readableBytesUInt8Span, consumed: &consumed)
    }

    private static func append(_ input: borrowing ByteBuffer, _ range: Range<Int>, to body: inout ByteBuffer) {
        body.writeBytes(input.readableBytesSpan.extracting(range))
    }

    /// Says what to do with the body of the request whose head has come: keep it for ``body``, or let it pass.
    mutating func expectBody(upTo byteCountMax: Int, keeping: Bool) {
        self.bodyByteCountMax = byteCountMax
        self.keepsBody = keeping
        self.bodyByteCount = 0
    }

    /// Wipes the body that has been answered.
    mutating func releaseBody() {
        self.body.wipeInPlace()
        if self.body.capacity > Self.keptCapacityMax {
            self.body = ByteBuffer()
        } else {
            self.body.clear()
        }
    }

    /// Wipes everything.
    mutating func wipe() {
        self.body.wipeInPlace()
        self.input.wipeInPlace()
        self.body = ByteBuffer()
        self.input = ByteBuffer()
    }

    /// Wipes what has been used, and lets go of the channel's buffer; what is left moves to a buffer of our own.
    ///
    /// Where more data is needed, what is left is the start of a token and came with the last segment, so that nothing
    /// is moved twice.
    mutating func settle() {
        guard self.inputIsBorrowed || self.input.readerIndex > 0 else { return }
        let used = self.input
        self.input = ByteBuffer()
        if used.readableBytes > 0 { self.input.writeBytes(used.readableBytesSpan) }
        self.inputIsBorrowed = false
        used.wipeInPlace()
    }
}
