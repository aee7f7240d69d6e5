// SPDX-License-Identifier: Apache-2.0

import HTTPWire
import Logging
import NIOCore
import WipedBuffers

/// The hands of one connection: bytes in, requests to the front, answers out, in order. ``ConnectionState`` decides.
///
/// Nothing that a client sent or was sent stays behind: answers are wiped where they lie as soon as they are written,
/// and ``RequestIntake`` does the same for requests.
final class ConnectionHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    private let front: any Front
    private let logger: Logger

    private var state: ConnectionState
    private var intake = RequestIntake()
    private var naming: RequestNaming
    private var date = HTTPDateCache()
    /// Answers that have not been handed to the channel.
    private var output = ByteBuffer()
    private var exchange: Exchange?
    private var deferredWork: Task<Void, Never>?
    /// Numbers deferred answers: a request's name will not do, for a client may give the same to several.
    private var deferredSerial = 0
    private var timer: Scheduled<Void>?
    private var timerDeadline = NIODeadline.distantFuture
    private var readIsHeldBack = false
    private var inputIsClosed = false
    /// What the channel last said, which costs less than to ask it.
    private var isWritable = true

    /// The request in work.
    private struct Exchange {
        let request: any RoutedRequest
        let began: NIODeadline
        let keepsAlive: Bool
        let bodyLengthWasAnnounced: Bool
        let id: RequestID
        let omitsBody: Bool
    }

    /// A body that nobody asked for is read to its end up to this length, to keep the connection: KES's own limit.
    private static var discardByteCountMax: Int { 1_000_000 }
    /// Answers to pipelined requests are collected up to this size before they are written.
    private static var outputByteCountMax: Int { 64 * 1024 }
    /// An output buffer that has grown beyond this is not kept for further answers.
    private static var keptCapacityMax: Int { 16 * 1024 }

    init(front: any Front, limits: ServerLimits, naming: RequestNaming, logger: Logger) {
        self.front = front
        self.logger = logger
        self.naming = naming
        self.state = ConnectionState(limits: limits, now: .now())
    }

    // MARK: What the channel says

    func handlerAdded(context: ChannelHandlerContext) {
        self.keepTime(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let received = self.unwrapInboundIn(data)
        guard self.state.takesInput else {
            received.wipeInPlace()
            return
        }
        self.intake.receive(received)
        self.serve(context)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.flush(context)
    }

    /// The channel wants to read: not while an answer is being made, nor while the client does not take its answers.
    func read(context: ChannelHandlerContext) {
        if self.state.phase == .answering || !self.isWritable {
            self.readIsHeldBack = true
        } else {
            context.read()
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.isWritable = context.channel.isWritable
        if self.isWritable { self.resume(context) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            self.inputIsClosed = true
            self.closeIfAllIsAnswered(context)
        case is ChannelShouldQuiesceEvent:
            self.state.drain(now: .now())
            self.keepTime(context)
        case _:
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.logger.debug("connection failed", metadata: ["reason": "\(error)"])
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.state.closed()
        self.timer?.cancel()
        self.deferredWork?.cancel()
        self.intake.wipe()
        self.output.wipeInPlace()
        self.output = ByteBuffer()
        context.fireChannelInactive()
    }

    // MARK: Requests

    /// Answers requests out of the input until it is used up or something has to be waited for.
    private func serve(_ context: ChannelHandlerContext) {
        while self.state.isReceiving, self.isWritable {
            switch self.intake.next() {
            case .needMoreData(let isInsideHead):
                if isInsideHead { self.state.headBegan(now: .now()) }
                self.keepTime(context)
                return
            case .head(let head):
                self.begin(context, head)
            case .bodyTooLong:
                self.refuseBody(context)
            case .end:
                self.finish(context)
            case .malformed(let error):
                self.refuse(context, with: self.front.refusal(error.status, error.message))
            }
            if self.output.readableBytes > Self.outputByteCountMax { self.flush(context) }
        }
    }

    /// Decides by the head what becomes of the request and its body.
    private func begin(_ context: ChannelHandlerContext, _ head: RequestHead) {
        let now = NIODeadline.now()
        let request = self.front.route(head)
        let refusal = request.refusal
        let keepsBody = refusal == nil && request.bodyByteCountMax > 0
        let byteCountMax = keepsBody ? request.bodyByteCountMax : Self.discardByteCountMax
        self.exchange = Exchange(
            request: request,
            began: now,
            keepsAlive: head.keepsAlive,
            bodyLengthWasAnnounced: head.framing != .chunked,
            id: self.naming.next(offered: head.requestID),
            omitsBody: head.method == .head)
        self.state.headCompleted(now: now, timeout: request.timeout)
        self.intake.expectBody(upTo: byteCountMax, keeping: keepsBody)

        if case .length(let announced) = head.framing, announced > byteCountMax {
            self.refuseBody(context)
            return
        }
        switch head.expectation {
        case .unknown:
            self.refuse(context, with: self.front.refusal(.expectationFailed, "expectation is not supported"))
        case .continue:
            if let refusal {
                // A client that waits to be asked for its body learns at once that it need not send it.
                self.refuse(context, with: refusal)
            } else if self.intake.isEmpty {
                self.output.writeStaticString(ResponseHead.continue)
            }
        case .none:
            break
        }
    }

    /// The request is complete.
    private func finish(_ context: ChannelHandlerContext) {
        guard let exchange = self.exchange else { return }
        var writer = self.takeWriter(for: exchange)
        if let refusal = exchange.request.refusal {
            writer.write(refusal)
        } else {
            let deferred = exchange.request.answer(
                body: self.intake.body.readableBytesUInt8Span,
                bodyLengthWasAnnounced: exchange.bodyLengthWasAnnounced,
                with: &writer)
            self.intake.releaseBody()
            if let deferred {
                self.output = writer.buffer
                self.answerLater(context, exchange, deferred)
                return
            }
        }
        self.conclude(context, exchange, writer, inputIsComplete: true)
    }

    /// The body is longer than anybody wants to read.
    private func refuseBody(_ context: ChannelHandlerContext) {
        guard let request = self.exchange?.request else { return }
        self.refuse(context, with: request.refusal ?? request.bodyTooLarge)
    }

    /// Answers a request that will not be read to its end, and ends the connection.
    private func refuse(_ context: ChannelHandlerContext, with response: Response) {
        guard let exchange = self.exchange else {
            self.refuseMalformed(context, with: response)
            return
        }
        var writer = self.takeWriter(for: exchange, keepsAlive: false)
        writer.write(response)
        self.conclude(context, exchange, writer, inputIsComplete: false)
    }

    /// Answers bytes that never became a request.
    private func refuseMalformed(_ context: ChannelHandlerContext, with response: Response) {
        var writer = ResponseWriter(
            buffer: self.output, date: self.date.current(), requestID: self.naming.next(offered: nil),
            keepsAlive: false, omitsBody: false)
        writer.write(response)
        self.output = writer.buffer
        self.front.answeredMalformed(response.status, duration: .zero)
        self.proceed(context, now: .now(), keepsAlive: false, inputIsComplete: false)
    }

    // MARK: Answers

    private func takeWriter(for exchange: Exchange, keepsAlive: Bool = true) -> ResponseWriter {
        defer { self.output = ByteBuffer() }  // So that the writer holds the only reference and appends in place.
        return ResponseWriter(
            buffer: self.output,
            date: self.date.current(),
            requestID: exchange.id,
            keepsAlive: keepsAlive && exchange.keepsAlive && !self.isLastRequest,
            omitsBody: exchange.omitsBody)
    }

    /// Whether no other request will be answered after the one in work. What a client pipelined before the agent began
    /// to drain, or before it shut down its own side, is answered all the same.
    private var isLastRequest: Bool {
        (self.state.isDraining || self.inputIsClosed) && self.intake.isEmpty
    }

    /// Has the answer made in a task, and takes no further request meanwhile.
    private func answerLater(
        _ context: ChannelHandlerContext, _ exchange: Exchange, _ deferred: @escaping DeferredAnswer
    ) {
        self.state.answeringBegan()
        self.keepTime(context)
        self.intake.settle()
        self.flush(context)
        self.deferredSerial += 1
        let serial = self.deferredSerial
        let empty = self.takeWriter(for: exchange)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        self.deferredWork = Task {
            var writer = empty
            await deferred(&writer)
            let written = writer
            bound.eventLoop.execute {
                let (handler, context) = bound.value
                handler.deferredAnswerIsMade(context, serial, written)
            }
        }
    }

    /// Takes up a deferred answer, unless the wait for it was given up or the client has gone.
    private func deferredAnswerIsMade(_ context: ChannelHandlerContext, _ serial: Int, _ writer: ResponseWriter) {
        guard self.state.phase == .answering, self.deferredSerial == serial, let exchange = self.exchange else {
            writer.buffer.wipeInPlace()
            return
        }
        self.deferredWork = nil
        self.conclude(context, exchange, writer, inputIsComplete: true)
        self.flush(context)
        self.resume(context)
    }

    /// Says that no answer came in time.
    private func giveUpAnswer(_ context: ChannelHandlerContext) {
        guard let exchange = self.exchange else { return }
        self.deferredWork?.cancel()
        self.deferredWork = nil
        var writer = self.takeWriter(for: exchange)
        writer.write(exchange.request.timedOut)
        self.conclude(context, exchange, writer, inputIsComplete: true)
        self.flush(context)
        self.resume(context)
    }

    /// The answer to the request in work is in the output.
    private func conclude(
        _ context: ChannelHandlerContext, _ exchange: Exchange, _ writer: ResponseWriter, inputIsComplete: Bool
    ) {
        let now = NIODeadline.now()
        let duration = now - exchange.began
        self.output = writer.buffer
        self.exchange = nil
        exchange.request.answered(writer.status, duration: duration)
        self.logger.debug(
            "request answered",
            metadata: [
                "request": "\(exchange.id)", "status": "\(writer.status.rawValue)",
                "us": "\(duration.nanoseconds / 1000)",
            ])
        self.proceed(context, now: now, keepsAlive: writer.keepsAlive, inputIsComplete: inputIsComplete)
    }

    /// Goes on to the next request, or towards the end of the connection.
    private func proceed(
        _ context: ChannelHandlerContext, now: NIODeadline, keepsAlive: Bool, inputIsComplete: Bool
    ) {
        let isReadToItsEnd = inputIsComplete || self.inputIsClosed
        switch self.state.answered(now: now, keepsAlive: keepsAlive, inputIsComplete: isReadToItsEnd) {
        case .nextRequest:
            break
        case .close:
            self.closeWhenWritten(context)
        case .linger:
            self.flush(context)
            self.intake.wipe()
            self.keepTime(context)
            context.close(mode: .output, promise: nil)
        }
    }

    // MARK: The channel

    /// Writes what there is, and wipes it when it is written.
    ///
    /// Nearly always the kernel takes all at once, and the buffer comes back to be used again. A promise, which would
    /// tell the same, costs more than all else that is done here.
    private func flush(_ context: ChannelHandlerContext) {
        guard self.output.readableBytes > 0 else { return }
        var buffer = self.output
        self.output = ByteBuffer()  // The channel may ask for more before it returns.
        context.writeAndFlush(self.wrapOutboundOut(buffer), promise: nil)
        if buffer.recycleIfUnshared() {
            if self.output.readableBytes == 0, buffer.capacity <= Self.keptCapacityMax { self.output = buffer }
            return
        }
        // Nothing, behind that: it is written when all before it is, or has failed.
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.whenComplete { [buffer] _ in buffer.wipeInPlace() }
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer()), promise: written)
    }

    /// Closes once everything is written, also what the channel still holds of earlier answers: hence the write, even
    /// of nothing.
    private func closeWhenWritten(_ context: ChannelHandlerContext) {
        let buffer = self.output
        self.output = ByteBuffer()
        let written = context.eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        written.futureResult.whenComplete { _ in
            buffer.wipeInPlace()
            bound.value.close(promise: nil)
        }
        context.writeAndFlush(self.wrapOutboundOut(buffer), promise: written)
    }

    /// Goes on after a wait: first with what is here already, then with reading.
    private func resume(_ context: ChannelHandlerContext) {
        self.serve(context)
        self.flush(context)
        self.closeIfAllIsAnswered(context)
        if self.readIsHeldBack {
            self.readIsHeldBack = false
            self.read(context: context)
        }
    }

    /// A client that has shut down its side gets the answers to what it sent, then the end.
    private func closeIfAllIsAnswered(_ context: ChannelHandlerContext) {
        guard self.inputIsClosed, self.state.phase != .answering, self.isWritable else { return }
        self.closeWhenWritten(context)
    }

    /// Sees to it that the state's deadline is looked at. Most requests only put it off, which costs nothing here: a
    /// timer that fires too early finds nothing to do and is set anew.
    private func keepTime(_ context: ChannelHandlerContext) {
        guard self.state.deadline < self.timerDeadline else { return }
        self.timer?.cancel()
        self.timerDeadline = self.state.deadline
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        self.timer = context.eventLoop.scheduleTask(deadline: self.timerDeadline) {
            let (handler, context) = bound.value
            handler.timerFired(context)
        }
    }

    private func timerFired(_ context: ChannelHandlerContext) {
        self.timerDeadline = .distantFuture
        switch self.state.expire(now: .now()) {
        case .none: break
        case .close: context.close(promise: nil)
        case .finish: self.closeWhenWritten(context)
        case .refuseHead:
            self.refuse(context, with: self.front.refusal(.badRequest, "request header took too long"))
        case .refuseBody:
            self.refuse(context, with: self.front.refusal(.requestTimeout, "request body took too long"))
        case .giveUpAnswer:
            self.giveUpAnswer(context)
        }
        self.flush(context)
        guard self.state.phase != .closed else { return }
        self.keepTime(context)
    }
}
