// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import LockedMemory

/// Makes requests of what a connection receives: a head, then a whole body without its chunks.
///
/// A body that lies whole in the input stays there; one that comes in parts is gathered.
struct RequestIntake: ~Copyable {
    enum Event {
        /// Nothing more to be had of the input. `isInsideHead` if a head has begun and is not complete.
        case needMoreData(isInsideHead: Bool)
        /// A request begins. ``expectBody(of:upTo:keeping:)`` is to follow.
        case head(RequestHead)
        /// The body has grown over the limit. The request cannot be answered on its merits.
        case bodyTooLong
        /// There is no memory for the body.
        case noMemory
        /// The request is complete, its body to be had from ``withBody(in:_:)`` now. ``releaseBody()`` is to follow.
        case end
        /// The bytes are no request. There is no telling where the next one would begin.
        case malformed(RequestError)
    }

    private var parser = RequestParser()
    /// What has come of a body that comes in parts.
    private var parts: TransitBuffer
    /// Where in the input a body lies that came as a whole.
    private var whole = 0..<0
    private var framing = RequestHead.Framing.none
    private var byteCountMax = 0
    private var keepsBody = false
    private var byteCount = 0

    init(in memory: SecretMemory) { self.parts = TransitBuffer(in: memory) }

    /// What comes next in `input`, the bytes that are not used up, from `consumed` on. To be called until it needs more.
    mutating func next(_ input: Span<UInt8>, consumed: inout Int) -> Event {
        do throws(RequestError) {
            while true {
                switch try self.parser.next(input, consumed: &consumed) {
                case .needMoreData:
                    return .needMoreData(isInsideHead: self.parser.stage == .inHead)
                case .head(let head):
                    return .head(head)
                case .body(let range):
                    self.byteCount += range.count
                    if self.byteCount > self.byteCountMax { return .bodyTooLong }
                    guard self.take(range, of: input) else { return .noMemory }
                case .end:
                    return .end
                }
            }
        } catch {
            return .malformed(error)
        }
    }

    private mutating func take(_ range: Range<Int>, of input: Span<UInt8>) -> Bool {
        guard self.keepsBody else { return true }
        if case .length(range.count) = self.framing {
            self.whole = range  // The end follows without a look at more input.
            return true
        }
        return self.parts.append(input.extracting(range))
    }

    /// Says what to do with the body of the request whose head has come: keep it, or let it pass.
    mutating func expectBody(of framing: RequestHead.Framing, upTo byteCountMax: Int, keeping: Bool) {
        self.framing = framing
        self.byteCountMax = byteCountMax
        self.keepsBody = keeping
        self.byteCount = 0
        self.whole = 0..<0
    }

    /// Lends the body of a complete request.
    ///
    /// - Parameter input: what ``next(_:consumed:)`` found the end in.
    borrowing func withBody<Result>(in input: Span<UInt8>, _ body: (Span<UInt8>) -> Result) -> Result {
        self.parts.isEmpty ? body(input.extracting(self.whole)) : self.parts.withBytes(body)
    }

    /// Wipes what was gathered of a body.
    mutating func releaseBody() {
        if !self.parts.isEmpty || self.parts.isTruncated { self.parts.removeAll() }
    }
}
