// SPDX-License-Identifier: Apache-2.0

import HTTP2
import HTTPMessages
import Linux
import LockedMemory

/// One connection, as far as it is HTTP/2: what ``Connection`` is for HTTP/1.1. ``HTTP2Session`` does the frames,
/// ``HTTP2ConnectionState`` decides, and requests are those of any connection.
///
/// It knows no socket: it is handed what has come, and writes frames when it is asked to. Any number of requests are in
/// work at a time, up to a limit, and are answered as their answers are made.
struct HTTP2Connection: ~Copyable {
    private let context: ServerLoop.ServerContext
    private let fronts: FrontRouter
    private let recorder: RequestRecorder
    private let peer: Peer
    private let session: HTTP2Session
    private var state: HTTP2ConnectionState
    private var requestIDs: RequestIDGenerator
    private var date = HTTPDateCache()
    private var exchanges = StreamTable<Exchange>()
    /// No request's deadline is nearer.
    private var nextDeadline = Instant.distantFuture
    private var deferred: [HTTP1Connection.Deferred] = []
    private var inputUsage: UnauthenticatedInputUsage
    private var inputIsEnded = false
    private(set) var ending = HTTP1Connection.Ending.none
    /// Whether there is more to be written as soon as what was written is sent.
    private(set) var canResume = false

    /// A stream, from its head until it is closed. Each has a deadline in every phase.
    private struct Exchange {
        enum Phase {
            case receiving
            /// The answer is being made elsewhere.
            case answering
            /// The client has not read the whole answer, or has not ended its own side.
            case answered
            /// The stream was given up, and that has yet to be sent.
            case cancelled

            var isInWork: Bool {
                switch self {
                case .receiving, .answering: true
                case .answered, .cancelled: false
                }
            }
        }

        /// Nil once it is answered, and where the head was none: a refusal can be as long as the head.
        var request: (any RoutedRequest)?
        let began: Instant
        let bodyLengthWasAnnounced: Bool
        let id: RequestID
        let omitsBody: Bool
        var phase = Phase.receiving
        /// For body and answer together; then, for the client to read the answer; then, for the end to be sent.
        var deadline: Instant
        /// Bytes of the answer that were not in frames when the deadline was set in a drain.
        var unsentByteCount = 0
        /// Makes the answer.
        var work: Task<Void, Never>?
    }

    /// Frames are collected up to this size before they are sent.
    private static var outputByteCountMax: Int { 64 * 1024 }

    /// - Returns: nil where there is no memory for it.
    init?(_ context: ServerLoop.ServerContext, _ fronts: FrontRouter, peer: Peer, now: Instant) {
        guard
            let session = HTTP2Session(
                limits: context.limits.http2, memory: context.memory)
        else { return nil }
        self.context = context
        self.fronts = fronts
        self.recorder = RequestRecorder(context)
        self.peer = peer
        self.session = session
        self.state = HTTP2ConnectionState(limits: context.limits, now: now)
        self.requestIDs = context.requestIDs.next()
        self.inputUsage = UnauthenticatedInputUsage(of: context.unauthenticatedInput)
    }

    deinit { for id in self.exchanges.streams { self.exchanges[id]?.work?.cancel() } }

    // MARK: What it is waiting for

    var wantsInput: Bool {
        guard !self.inputIsEnded else { return false }
        return self.ending == .linger || self.ending == .none
    }

    /// When ``timeIsUp(now:)`` has something to do.
    var deadline: Instant { min(self.state.deadline, self.nextDeadline) }

    /// Whether there are answers that have to be waited for.
    var hasDeferred: Bool { !self.deferred.isEmpty }

    /// Has `post` make the answers that have to be waited for.
    mutating func startWork(_ post: (HTTP1Connection.Deferred) -> Task<Void, Never>) {
        for deferred in self.deferred {
            self.exchanges[HTTP2StreamID(number: deferred.serial)]?.work = post(deferred)
        }
        self.deferred.removeAll()
    }

    // MARK: What happens

    /// Answers what `input` asks.
    mutating func receive(_ input: Span<UInt8>, now: inout Instant) {
        guard self.state.takesInput, self.ending == .none else { return }
        guard self.session.receive(input) else {
            self.ending = .abort
            return
        }
        self.handleEvents(now: &now)
        self.state.headIsOpen(self.session.openHead, now: now)
        if !self.peer.isKnown, !self.inputUsage.hold(self.session.headByteCount) { self.session.endForExcess() }
    }

    /// The client has shut down its side: it gets the answers to what it sent, then the end.
    mutating func inputHasEnded() {
        self.inputIsEnded = true
        if self.ending == .linger { self.ending = .close }
    }

    /// The agent is about to stop.
    mutating func drain(now: Instant) {
        self.tell(self.state.drain(now: now))
        for id in self.exchanges.streams where self.exchanges[id]?.phase == .answered { self.hurry(id, now: now) }
    }

    /// A drain waits for answers that are being read, not for those that the client leaves unread or streams that it does
    /// not end.
    private mutating func hurry(_ id: HTTP2StreamID, now: Instant) {
        self.exchanges[id]?.unsentByteCount = self.session.unsentByteCount(of: id)
        self.setDeadline(
            of: id, in: min(self.context.limits.lingerTimeout, self.context.limits.idleTimeout), now: now)
    }

    private mutating func setDeadline(of id: HTTP2StreamID, in interval: Interval, now: Instant) {
        self.exchanges[id]?.deadline = now + interval
        self.nextDeadline = min(self.nextDeadline, now + interval)
    }

    /// Takes up a deferred answer, unless the wait for it was given up.
    mutating func answerIsMade(_ serial: Int, _ made: consuming ResponseWriter, now: inout Instant) {
        let id = HTTP2StreamID(number: serial)
        guard self.exchanges[id]?.phase == .answering else { return }
        self.conclude(id, made, now: &now)
    }

    /// A deadline has passed, if it has not been put off.
    mutating func timeIsUp(now: inout Instant) {
        switch self.state.expire(now: now) {
        case .none: break
        case .beginEnd: self.tell(.beginEnd)
        case .close: self.ending = .abort
        }
        guard self.nextDeadline <= now else { return }
        self.nextDeadline = .distantFuture
        for id in self.exchanges.streams {
            if let exchange = self.exchanges[id], exchange.deadline <= now { self.expire(id, exchange, now: &now) }
            if let deadline = self.exchanges[id]?.deadline { self.nextDeadline = min(self.nextDeadline, deadline) }
        }
    }

    private mutating func expire(_ id: HTTP2StreamID, _ exchange: Exchange, now: inout Instant) {
        switch exchange.phase {
        case .receiving:
            self.answer(id, with: self.fronts.refusal(.requestTimeout, "request body took too long"), now: &now)
        case .answering:
            exchange.work?.cancel()
            if let response = exchange.request?.timedOut { self.answer(id, with: response, now: &now) }
        case .answered where self.state.isDraining && self.session.unsentByteCount(of: id) < exchange.unsentByteCount:
            self.hurry(id, now: now)
        case .answered:
            self.session.cancel(id)
            self.exchanges[id]?.phase = .cancelled
            self.setDeadline(of: id, in: self.context.limits.lingerTimeout, now: now)
        case .cancelled where self.exchanges.contains(where: \.phase.isInWork):
            self.setDeadline(of: id, in: self.context.limits.lingerTimeout, now: now)
        case .cancelled:
            // The client does not even take the frame that says so.
            self.ending = .abort
        }
    }

    private func tell(_ notice: HTTP2ConnectionState.Notice) {
        switch notice {
        case .none: break
        case .announceEnd: self.session.announceEnd()
        case .beginEnd: self.session.beginEnd()
        }
    }

    // MARK: Requests

    private mutating func handleEvents(now: inout Instant) {
        while let event = self.session.nextEvent() {
            switch event {
            case .head(let id): self.begin(id, now: &now)
            case .end(let id): self.finish(id, now: &now)
            case .bodyTooLong(let id, let isOwnFault): self.refuseBody(id, isOwnFault: isOwnFault, now: &now)
            case .closed(let id): self.end(id, now: now)
            case .pingAnswered: self.tell(self.state.pingAnswered(now: now))
            }
        }
    }

    /// Decides by the head what becomes of the request and its body.
    private mutating func begin(_ id: HTTP2StreamID, now: inout Instant) {
        let head: RequestHead
        do throws(RequestError) {
            guard let complete = try self.session.takeHead(of: id) else { return }  // The stream is gone.
            head = complete
        } catch {
            self.refuseMalformed(id, error, now: now)
            return
        }
        let request = self.fronts.route(head, from: self.peer)
        self.beginExchange(
            id,
            Exchange(
                request: request,
                began: now,
                bodyLengthWasAnnounced: !head.framing.isChunked,
                id: self.requestIDs.next(offered: head.requestID),
                omitsBody: head.method.isHead,
                deadline: now + request.timeout))
        let keepsBody = request.refusal == nil && request.bodyByteCountMax > 0
        if !keepsBody { self.session.dropBody(of: id) }

        let byteCountMax = keepsBody ? request.bodyByteCountMax : self.context.limits.http2.bodyByteCount
        if case .length(let announced) = head.framing, announced > byteCountMax {
            self.refuseBody(id, isOwnFault: true, now: &now)
            return
        }
        switch head.expectation {
        case .unknown:
            self.answer(
                id, with: self.fronts.refusal(.expectationFailed, "expectation is not supported"), now: &now)
        case .continue where keepsBody:
            if self.session.isReceiving(id) { self.session.askForBody(of: id) }
        case .continue, .none:
            // The body would change nothing. Waiting for its end would let the client keep the stream open in vain.
            if !keepsBody { self.finish(id, now: &now) }
        }
    }

    private mutating func beginExchange(_ id: HTTP2StreamID, _ exchange: Exchange) {
        self.exchanges[id] = exchange
        self.state.streamBegan()
        self.nextDeadline = min(self.nextDeadline, exchange.deadline)
    }

    /// Answers a request that is complete, or needs no body.
    private mutating func finish(_ id: HTTP2StreamID, now: inout Instant) {
        guard let exchange = self.exchanges[id], exchange.phase == .receiving, let request = exchange.request else {
            return
        }
        if let refusal = request.refusal {
            self.answer(id, with: refusal, now: &now)
            return
        }
        let frame = self.frame(for: exchange)
        var writer = ResponseWriter(in: self.context.memory)
        writer.begin(frame)
        let outcome = self.session.withBody(of: id) { body -> DeferredAnswer? in
            guard body.count <= max(request.bodyByteCountMax, 0) else {
                writer.write(request.bodyTooLarge)
                return nil
            }
            return request.answer(
                body: body, bodyLengthWasAnnounced: exchange.bodyLengthWasAnnounced, with: &writer)
        }
        guard let outcome else { return }  // The stream is gone, and its own event is to follow.
        self.session.dropBody(of: id)
        guard let deferred = outcome else {
            self.conclude(id, writer, now: &now)
            return
        }
        self.exchanges[id]?.phase = .answering
        self.deferred.append(HTTP1Connection.Deferred(serial: id.number, frame: frame, answer: deferred))
    }

    /// The body is longer than any request may have, or comes with too many others.
    private mutating func refuseBody(_ id: HTTP2StreamID, isOwnFault: Bool, now: inout Instant) {
        guard let exchange = self.exchanges[id], exchange.phase == .receiving, let request = exchange.request else {
            return
        }
        let response =
            isOwnFault
            ? request.refusal ?? request.bodyTooLarge
            : self.fronts.refusal(.serviceUnavailable, "too much is in flight on the connection")
        self.answer(id, with: response, now: &now)
    }

    /// Answers a stream whose fields are no request.
    private mutating func refuseMalformed(_ id: HTTP2StreamID, _ error: RequestError, now: Instant) {
        let response = self.fronts.refusal(error.status, error.message)
        let exchange = Exchange(
            request: nil, began: now, bodyLengthWasAnnounced: false, id: self.requestIDs.next(offered: nil),
            omitsBody: false, deadline: now)
        self.beginExchange(id, exchange)
        var writer = ResponseWriter(in: self.context.memory)
        writer.begin(self.frame(for: exchange))
        writer.write(response)
        self.recorder.conclude(nil, exchange.id, from: self.peer, writer.outcome, after: .zero)
        self.session.dropBody(of: id)
        self.send(id, &writer, now: now)
    }

    /// The stream is closed.
    private mutating func end(_ id: HTTP2StreamID, now: Instant) {
        guard let exchange = self.exchanges.remove(id) else { return }
        exchange.work?.cancel()
        self.state.streamEnded(now: now, wasGivenUp: exchange.phase == .cancelled)
    }

    // MARK: Answers

    private func frame(for exchange: Exchange) -> ResponseWriter.Frame {
        ResponseWriter.Frame(
            requestID: exchange.id, keepsAlive: true, omitsBody: exchange.omitsBody, headIsApart: true)
    }

    private mutating func answer(_ id: HTTP2StreamID, with response: Response, now: inout Instant) {
        guard let exchange = self.exchanges[id] else { return }
        var writer = ResponseWriter(in: self.context.memory)
        writer.begin(self.frame(for: exchange))
        writer.write(response)
        self.session.dropBody(of: id)
        self.conclude(id, writer, now: &now)
    }

    /// The answer to a request is written.
    private mutating func conclude(_ id: HTTP2StreamID, _ writer: consuming ResponseWriter, now: inout Instant) {
        guard let exchange = self.exchanges[id] else { return }
        now = self.context.clock()
        self.recorder.conclude(
            exchange.request, exchange.id, from: self.peer, writer.outcome, after: now - exchange.began)
        self.send(id, &writer, now: now)
    }

    /// Hands an answer over to the session. From now on the client has to read it.
    private mutating func send(_ id: HTTP2StreamID, _ writer: inout ResponseWriter, now: Instant) {
        self.exchanges[id]?.phase = .answered
        self.exchanges[id]?.request = nil
        self.exchanges[id]?.work = nil
        self.state.answered(now: now)
        if let head = writer.head, !writer.buffer.isTruncated {
            self.session.respond(to: id, head, date: self.date.current(), body: writer.takeBytes())
        } else {
            self.session.cancel(id)
        }
        if self.state.isDraining {
            self.hurry(id, now: now)
        } else {
            self.setDeadline(of: id, in: self.context.limits.idleTimeout, now: now)
        }
        // A client that reads as little as that does not mean to.
        if self.session.heldByteCount > self.context.limits.http2.unreadByteCount { self.ending = .abort }
    }

    // MARK: Output

    /// Appends the frames that are ready, and looks whether it has come to its end.
    mutating func write(into output: inout TransitBuffer, now: inout Instant) {
        guard self.ending == .none else { return }
        guard let hasMore = self.session.write(into: &output, upTo: Self.outputByteCountMax) else {
            self.ending = .abort
            return
        }
        self.canResume = hasMore && output.byteCount > Self.outputByteCountMax
        self.handleEvents(now: &now)
        if self.inputIsEnded, !hasMore, !self.isMakingAnswers {
            self.ending = .close
        } else if self.session.isOver {
            self.state.saidAll(now: now)
            self.ending = self.inputIsEnded ? .close : .linger
            self.giveUpAll()
        }
    }

    /// Whether an answer is still to come. Without further input nothing else can go on: requests that are not complete stay
    /// so, and what the client's windows hold back is never sent.
    private var isMakingAnswers: Bool { self.exchanges.streams.contains { self.exchanges[$0]?.phase == .answering } }

    /// No answer can be sent any more.
    private mutating func giveUpAll() {
        for id in self.exchanges.streams { self.exchanges[id]?.work?.cancel() }
        self.exchanges.removeAll()
        self.deferred.removeAll()
        self.nextDeadline = .distantFuture
    }
}
