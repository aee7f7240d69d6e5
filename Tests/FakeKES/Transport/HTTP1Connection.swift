// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import NIOCore

/// A connection of HTTP/1.1: one request after the other, each answered before the next is looked at.
final class HTTP1Connection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let connection: ServedConnection
    private var parser = RequestParser()
    private var input = ByteBuffer()
    private var output = ByteBuffer()
    private var date = AnswerDate()
    private var exchange: Exchange?
    private var body = ByteBuffer()
    /// An answer that is not sent yet. Nothing is read meanwhile.
    private var pending: PendingAnswer?
    private var isAnswering = false
    /// No further answer is given.
    private var isOver = false
    private var isDraining = false

    /// The request in work.
    private struct Exchange {
        let head: RequestHead
        let opening: Opening
        let began: NIODeadline
        var bodyByteCount = 0

        var bodyIsTooLong: Bool { self.bodyByteCount > self.opening.bodyByteCountMax }
        /// A body where none is looked at ends the connection, and KES does not even say so.
        var endsConnectionSilently: Bool { self.opening.bodyByteCountMax == 0 && self.head.framing.hasBody }
    }

    init(_ connection: ServedConnection) { self.connection = connection }

    // MARK: What the channel says

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isOver else { return }
        var bytes = self.unwrapInboundIn(data)
        if self.input.readableBytes == 0 { self.input = bytes } else { self.input.writeBuffer(&bytes) }
        self.serve(context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event is ChannelShouldQuiesceEvent else { return context.fireUserInboundEventTriggered(event) }
        self.isDraining = true
        if self.exchange == nil, !self.isAnswering { self.end(context) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.isOver = true
        self.pending?.cancel()
        context.fireChannelInactive()
    }

    /// The client has broken off, or a fault of ours has made it.
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    // MARK: Requests

    private func serve(_ context: ChannelHandlerContext) {
        while !self.isOver, !self.isAnswering {
            var consumed = 0
            let step: RequestParser.Step
            do throws(RequestError) {
                step = try Self.step(&self.parser, self.input, &consumed)
            } catch {
                self.refuse(context, error)
                break
            }
            if case .body(let range) = step { self.take(range) }
            self.input.moveReaderIndex(forwardBy: consumed)
            switch step {
            case .needMoreData:
                self.flush(context)
                return
            case .head(let head): self.begin(head)
            case .body: break
            case .end: self.finish(context)
            }
        }
        self.flush(context)
    }

    // Apart, for within `self` the compiler takes the two properties for overlapping.
    private static func step(
        _ parser: inout RequestParser, _ input: borrowing ByteBuffer, _ consumed: inout Int
    ) throws(RequestError) -> RequestParser.Step {
        try parser.next(input.readableBytesUInt8Span, consumed: &consumed)
    }

    private func begin(_ head: RequestHead) {
        let opening = self.connection.open(method: head.method.name, target: head.target)
        self.exchange = Exchange(head: head, opening: opening, began: .now())
        // KES asks for a body only once it wants to read it.
        if head.expectation == .continue, opening.bodyByteCountMax > 0 {
            self.output.writeStaticString(ResponseHead.continue)
        }
    }

    private func take(_ range: Range<Int>) {
        guard var exchange = self.exchange else { return }
        exchange.bodyByteCount += range.count
        if !exchange.bodyIsTooLong {
            let part = self.input.getSlice(at: self.input.readerIndex + range.lowerBound, length: range.count)
            if let part { self.body.writeImmutableBuffer(part) }
        }
        self.exchange = exchange
    }

    private func finish(_ context: ChannelHandlerContext) {
        guard let exchange = self.exchange else { return }
        self.exchange = nil
        let (answer, verdict) = Self.answer(self.connection, exchange, self.body)
        self.body.clear()
        guard let verdict else { return self.send(context, answer, .whole, exchange) }
        self.isAnswering = true
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let pending = self.connection.carryOut(verdict, on: context.eventLoop) {
            let (handler, context) = bound.value
            guard !handler.isOver else { return }
            let isLate = handler.pending != nil
            handler.pending = nil
            handler.isAnswering = false
            handler.send(context, answer, verdict.delivery, exchange)
            if isLate { handler.serve(context) }
        }
        if let pending { self.pending = pending }
    }

    private static func answer(
        _ connection: ServedConnection, _ exchange: Exchange, _ body: borrowing ByteBuffer
    ) -> (Answer, Verdict?) {
        let isTooLong = exchange.bodyByteCount > 0 && exchange.bodyIsTooLong && exchange.opening.bodyByteCountMax > 0
        return connection.answer(
            exchange.opening, body: isTooLong ? nil : body.readableBytesUInt8Span,
            lengthWasAnnounced: exchange.head.framing != .chunked, since: exchange.began)
    }

    private func refuse(_ context: ChannelHandlerContext, _ error: RequestError) {
        let answer = Answer(
            status: error.status.rawValue, contentType: "text/plain; charset=utf-8",
            body: ByteBuffer(string: "\(error.status.rawValue) \(error.message)"))
        answer.writeHTTP1(
            to: &self.output, date: self.date.current(), closes: true, mayChunk: false, omitsBody: false)
        self.end(context)
    }

    // MARK: Answers

    private func send(
        _ context: ChannelHandlerContext, _ answer: Answer, _ delivery: Verdict.Delivery, _ exchange: Exchange
    ) {
        let isLast = if case .last = delivery { true } else { self.isDraining }
        let closes = isLast || answer.closes || !exchange.head.keepsAlive
        var bytes = ByteBuffer()
        if case .whole = delivery { swap(&bytes, &self.output) }
        answer.writeHTTP1(
            to: &bytes, date: self.date.current(), closes: closes, mayChunk: exchange.head.version == .http11,
            omitsBody: exchange.head.method == .head)
        let half = bytes.readableBytes - max(answer.body.readableBytes / 2, 1)
        switch delivery {
        case .whole, .last:
            self.output.writeImmutableBuffer(bytes)
            if closes || exchange.endsConnectionSilently { self.end(context) }
        case .reset(.before):
            self.isOver = true
            self.connection.wire.reset()
        case .reset(.inside):
            self.isOver = true
            if let part = bytes.readSlice(length: half) { self.reset(context, behind: part) }
        case .reset(.after):
            self.isOver = true
            self.output.writeImmutableBuffer(bytes)
            self.flush(context)
            self.connection.wire.resetSoon()
        case .truncated:
            if let part = bytes.readSlice(length: half) { self.output.writeImmutableBuffer(part) }
            self.end(context)
        case .garbage:
            self.output.writeImmutableBuffer(.garbage)
            self.end(context)
        case .refused:
            self.end(context)
        case .drip(let interval):
            self.isAnswering = true
            self.drip(context, bytes, every: interval)
        }
    }

    private func reset(_ context: ChannelHandlerContext, behind bytes: ByteBuffer) {
        let sent = context.eventLoop.makePromise(of: Void.self)
        let wire = NIOLoopBound(self.connection.wire, eventLoop: context.eventLoop)
        sent.futureResult.whenComplete { _ in wire.value.reset() }
        context.writeAndFlush(self.wrapOutboundOut(bytes), promise: sent)
    }

    private func drip(_ context: ChannelHandlerContext, _ rest: ByteBuffer, every interval: TimeAmount) {
        guard !self.isOver else { return }
        var rest = rest
        guard let byte = rest.readSlice(length: 1) else {
            self.isAnswering = false
            return self.serve(context)
        }
        context.writeAndFlush(self.wrapOutboundOut(byte), promise: nil)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let next = rest
        self.pending = .delayed(
            context.eventLoop.scheduleTask(in: interval) {
                let (handler, context) = bound.value
                handler.drip(context, next, every: interval)
            })
    }

    /// Sends what there is, and closes in good order.
    private func end(_ context: ChannelHandlerContext) {
        self.isOver = true
        self.flush(context)
        context.close(promise: nil)
    }

    private func flush(_ context: ChannelHandlerContext) {
        guard self.output.readableBytes > 0 else { return }
        context.writeAndFlush(self.wrapOutboundOut(self.output), promise: nil)
        self.output = ByteBuffer()
    }
}

extension RequestHead.Framing {
    /// Whether anything stands behind the head, if only the end of no chunks.
    fileprivate var hasBody: Bool {
        switch self {
        case .none, .length(0): false
        case .length, .chunked: true
        }
    }
}

extension ByteBuffer {
    /// What no HTTP begins with.
    static let garbage = ByteBuffer(bytes: (0..<512).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 139) })
}
