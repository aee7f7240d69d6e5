// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import KeyService
import Linux
import LockedMemory
import Logging

/// One connection, as far as it is HTTP: bytes in, requests to the front, answers out, in order. ``ConnectionState``
/// decides, ``Client`` moves the bytes.
///
/// It knows no socket: it is handed what has come, together with the writer for the answers, and says by ``wantsInput``,
/// ``ending`` and ``deadline`` what it is waiting for. One request is in work at a time. What a client pipelines behind
/// one whose answer is awaited, or behind more answers than should wait to be sent, is kept for ``resume(_:now:)``.
struct HTTP1Connection: ~Copyable {
    /// How the connection is to end, once all answers are sent.
    enum Ending: Equatable {
        /// Not yet.
        case none
        /// Everything that the client sent has been read.
        case close
        /// The client may still be sending: shut down output, and read on until it closes or the deadline passes.
        case linger
        /// At once, sent or not.
        case abort
    }

    /// An answer that must be waited for. Whoever takes it calls ``answerIsMade(_:_:now:)`` or forgets about it.
    struct Deferred: Sendable {
        /// Numbers those of a connection: a request's name will not do, for a client may give the same to several.
        let serial: Int
        let frame: ResponseWriter.Frame
        let answer: DeferredAnswer
    }

    private let context: ServerLoop.ServerContext
    private let fronts: FrontRouter
    /// Who the client is. With TLS, known from the end of the handshake on, before there is a request.
    var peer: Peer
    private let recorder: RequestRecorder
    private var state: ConnectionState
    private var intake: RequestIntake
    /// What has come and waits: part of a request, or requests behind the one in work.
    private var unread: TransitBuffer
    private var inputUsage: UnauthenticatedInputUsage
    private var requestIDs: RequestIDGenerator
    /// The last head that may stand for more than one request.
    private var lastHead: RequestHead?
    /// What it stands for.
    private var lastRequest: (any RoutedRequest)?
    private var exchange: Exchange?
    private var deferredSerial = 0
    private var deferred: Deferred?
    private var inputIsEnded = false
    private(set) var ending = Ending.none

    /// The request in work.
    private struct Exchange {
        let request: any RoutedRequest
        /// Whether the request has been refused by its head.
        let isRefused: Bool
        let began: Instant
        let keepsAlive: Bool
        let bodyLengthWasAnnounced: Bool
        let id: RequestID
        let omitsBody: Bool
    }

    /// A body that nobody asked for is read to its end up to this length, to keep the connection: KES's own limit.
    private static var discardByteCountMax: Int { 1_000_000 }
    /// Answers to pipelined requests are collected up to this size before they are sent.
    private static var outputByteCountMax: Int { 64 * 1024 }

    init(_ context: ServerLoop.ServerContext, _ fronts: FrontRouter, peer: Peer, now: Instant) {
        self.context = context
        self.fronts = fronts
        self.peer = peer
        self.recorder = RequestRecorder(context)
        self.requestIDs = context.requestIDs.next()
        self.state = ConnectionState(limits: context.limits, now: now)
        self.intake = RequestIntake(in: context.memory)
        self.unread = TransitBuffer(in: context.memory)
        self.inputUsage = UnauthenticatedInputUsage(of: context.unauthenticatedInput)
    }

    // MARK: What it is waiting for

    /// Whether more input is to be read: not while an answer is being made, nor while earlier input waits.
    var wantsInput: Bool {
        guard !self.inputIsEnded else { return false }
        return self.ending == .linger || self.ending == .none && self.state.isReceiving && !self.canResume
    }

    /// Whether there are requests to be answered as soon as the answers before them are sent.
    private(set) var canResume = false

    /// When ``timeIsUp(_:now:)`` has something to do.
    var deadline: Instant { self.state.deadline }

    var isDraining: Bool { self.state.isDraining }

    /// Whether an answer is awaited.
    var isAnswering: Bool { self.state.phase == .answering }

    /// Whether there is an answer that has to be waited for.
    var hasDeferred: Bool { self.deferred != nil }

    /// The answer that has to be waited for, once.
    mutating func takeDeferred() -> Deferred? { self.deferred.take() }

    // MARK: What happens

    /// Answers what `input` asks, and keeps what it does not come to.
    mutating func receive(_ input: Span<UInt8>, _ writer: inout ResponseWriter, now: inout Instant) {
        guard self.state.takesInput else { return }
        guard self.unread.isEmpty else {
            self.unread.append(input)
            self.resume(&writer, now: &now)
            return
        }
        let used = self.serve(input, &writer, now: &now)
        if used < input.count, self.state.takesInput { self.unread.append(input.extracting(used...)) }
        self.checkMemory(&writer, now: &now)
    }

    /// Goes on with what has been kept: after more has come, after an answer was awaited or sent.
    mutating func resume(_ writer: inout ResponseWriter, now: inout Instant) {
        var unread = self.unread.take()
        let used = unread.withBytes { self.serve($0, &writer, now: &now) }
        if self.state.takesInput { unread.useUp(used) } else { unread.removeAll() }
        self.unread = unread
        self.checkMemory(&writer, now: &now)
        self.endIfAllIsAnswered()
    }

    /// Closes the connection if its unread input could not be stored, or exceeds the limit of unauthenticated clients.
    private mutating func checkMemory(_ writer: inout ResponseWriter, now: inout Instant) {
        if self.unread.isTruncated { self.abort() }
        guard !self.peer.isKnown, !self.inputUsage.hold(self.unread.byteCount) else { return }
        self.unread.removeAll()
        // An answer that is being made elsewhere must not come after this one.
        guard self.state.isReceiving else { return self.abort() }
        self.refuse(
            with: self.fronts.refusal(.serviceUnavailable, "unauthenticated clients use too much memory"), &writer,
            now: &now)
    }

    /// Ends the connection at once, whatever is sent and unsent.
    mutating func abort() { self.ending = .abort }

    /// The client has shut down its side: it gets the answers to what it sent, then the end.
    mutating func inputHasEnded() {
        self.inputIsEnded = true
        self.endIfAllIsAnswered()
    }

    /// The agent is about to stop.
    mutating func drain(now: Instant) { self.state.drain(now: now) }

    /// Takes up a deferred answer, unless the wait for it was given up.
    mutating func answerIsMade(
        _ serial: Int, _ made: borrowing ResponseWriter, _ writer: inout ResponseWriter, now: inout Instant
    ) {
        guard self.state.phase == .answering, self.deferredSerial == serial, let exchange = self.exchange.take() else {
            return
        }
        writer.append(made)
        self.conclude(
            exchange, made.outcome, keepsAlive: made.frame.keepsAlive, inputIsComplete: true, now: &now)
        self.resume(&writer, now: &now)
    }

    /// The deadline has passed, if it has not been put off.
    mutating func timeIsUp(_ writer: inout ResponseWriter, now: inout Instant) {
        switch self.state.expire(now: now) {
        case .none:
            break
        case .close:
            self.ending = .abort
        case .finish:
            self.ending = .close
        case .refuseHead:
            self.refuse(with: self.fronts.refusal(.badRequest, "request header took too long"), &writer, now: &now)
        case .refuseBody:
            self.refuse(with: self.fronts.refusal(.requestTimeout, "request body took too long"), &writer, now: &now)
        case .giveUpAnswer:
            guard let exchange = self.exchange.take() else { break }
            // What the client pipelined behind it is not looked at: each request would wait for as long again.
            let frame = self.frame(
                for: exchange, isLast: !self.unread.isEmpty || self.state.isDraining || self.inputIsEnded)
            writer.begin(frame)
            writer.write(exchange.request.timedOut)
            self.conclude(
                exchange, writer.outcome, keepsAlive: frame.keepsAlive,
                inputIsComplete: self.unread.isEmpty, now: &now)
            self.resume(&writer, now: &now)
        }
    }

    /// Answers before anything was asked, and ends the connection.
    mutating func turnAway(with response: Response, _ writer: inout ResponseWriter, now: Instant) {
        writer.begin(ResponseWriter.Frame(requestID: nil, keepsAlive: false, omitsBody: false))
        writer.write(response)
        self.proceed(keepsAlive: false, inputIsComplete: false, now: now)
    }

    /// Bytes have come that may be the beginning of a request.
    mutating func headBegan(now: Instant) { self.state.headBegan(now: now) }

    /// What was said to the client is all that will be.
    mutating func endUnasked(now: Instant) { self.proceed(keepsAlive: false, inputIsComplete: false, now: now) }

    // MARK: Requests

    /// Answers requests out of the input until it is used up or something has to be waited for.
    ///
    /// - Returns: how many of the bytes were used.
    private mutating func serve(_ input: Span<UInt8>, _ writer: inout ResponseWriter, now: inout Instant) -> Int {
        var used = 0
        self.canResume = false
        while self.state.isReceiving {
            guard writer.buffer.byteCount <= Self.outputByteCountMax else {
                self.canResume = true
                break
            }
            switch self.intake.next(input, consumed: &used) {
            case .needMoreData(let isInsideHead):
                if isInsideHead { self.state.headBegan(now: now) }
                return used
            case .head(let head):
                self.begin(head, hasMore: used < input.count, &writer, now: &now)
            case .bodyTooLong:
                self.refuseBody(&writer, now: &now)
            case .noMemory:
                self.refuse(with: self.fronts.refusal(.serviceUnavailable, "out of memory"), &writer, now: &now)
            case .end:
                self.finish(input, used, &writer, now: &now)
            case .malformed(let error):
                self.refuse(with: self.fronts.refusal(error.status, error.message), &writer, now: &now)
            }
        }
        return used
    }

    /// Decides by the head what becomes of the request and its body.
    private mutating func begin(
        _ head: RequestHead, hasMore: Bool, _ writer: inout ResponseWriter, now: inout Instant
    ) {
        let request = self.route(head)
        let refusal = request.refusal
        let keepsBody = refusal == nil && request.bodyByteCountMax > 0
        let byteCountMax = keepsBody ? request.bodyByteCountMax : Self.discardByteCountMax
        self.exchange = Exchange(
            request: request,
            isRefused: refusal != nil,
            began: now,
            keepsAlive: head.keepsAlive,
            bodyLengthWasAnnounced: !head.framing.isChunked,
            id: self.requestIDs.next(offered: head.requestID),
            omitsBody: head.method.isHead)
        self.state.headCompleted(now: now, timeout: request.timeout, discardsBody: !keepsBody)
        self.intake.expectBody(of: head.framing, upTo: byteCountMax, keeping: keepsBody)

        if case .length(let announced) = head.framing, announced > byteCountMax {
            self.refuseBody(&writer, now: &now)
            return
        }
        switch head.expectation {
        case .unknown:
            self.refuse(
                with: self.fronts.refusal(.expectationFailed, "expectation is not supported"), &writer, now: &now)
        case .continue:
            if let refusal {
                // A client that waits to be asked for its body learns at once that it need not send it.
                self.refuse(with: refusal, &writer, now: &now)
            } else if !hasMore {
                writer.writeContinue()
            }
        case .none:
            break
        }
    }

    /// What a head stands for. Of the one before, if it is the same, all is known but whether it is still allowed.
    private mutating func route(_ head: RequestHead) -> any RoutedRequest {
        if head === self.lastHead, let request = self.lastRequest { return request.again(from: self.peer) }
        let request = self.fronts.route(head, from: self.peer)
        // A parser keeps no longer ones, and neither may this.
        let mayRecur = request.mayRecur && head.target.count < LastHead.byteCountMax
        (self.lastHead, self.lastRequest) = mayRecur ? (head, request) : (nil, nil)
        return request
    }

    /// The request is complete.
    private mutating func finish(
        _ input: Span<UInt8>, _ used: Int, _ writer: inout ResponseWriter, now: inout Instant
    ) {
        guard let exchange = self.exchange.take() else { return }
        let frame = self.frame(
            for: exchange, isLast: (self.state.isDraining || self.inputIsEnded) && used == input.count)
        writer.begin(frame)
        if exchange.isRefused, let refusal = exchange.request.refusal {
            writer.write(refusal)
        } else {
            let deferred = self.intake.withBody(in: input) { body in
                exchange.request.answer(
                    body: body, bodyLengthWasAnnounced: exchange.bodyLengthWasAnnounced, with: &writer)
            }
            self.intake.releaseBody()
            if let deferred {
                self.state.answeringBegan()
                self.deferredSerial += 1
                self.deferred = Deferred(serial: self.deferredSerial, frame: frame, answer: deferred)
                self.exchange = exchange
                return
            }
        }
        self.conclude(
            exchange, writer.outcome, keepsAlive: frame.keepsAlive, inputIsComplete: true, now: &now)
    }

    /// The body is longer than anybody wants to read.
    private mutating func refuseBody(_ writer: inout ResponseWriter, now: inout Instant) {
        guard let request = self.exchange?.request else { return }
        self.refuse(with: request.refusal ?? request.bodyTooLarge, &writer, now: &now)
    }

    /// Answers a request that will not be read to its end, and ends the connection.
    private mutating func refuse(with response: Response, _ writer: inout ResponseWriter, now: inout Instant) {
        self.intake.releaseBody()
        guard let exchange = self.exchange.take() else {
            self.refuseMalformed(with: response, &writer, now: now)
            return
        }
        writer.begin(ResponseWriter.Frame(requestID: exchange.id, keepsAlive: false, omitsBody: exchange.omitsBody))
        writer.write(response)
        self.conclude(exchange, writer.outcome, keepsAlive: false, inputIsComplete: false, now: &now)
    }

    /// Answers bytes that never became a request.
    private mutating func refuseMalformed(with response: Response, _ writer: inout ResponseWriter, now: Instant) {
        let id = self.requestIDs.next(offered: nil)
        writer.begin(ResponseWriter.Frame(requestID: id, keepsAlive: false, omitsBody: false))
        writer.write(response)
        self.recorder.conclude(nil, id, from: self.peer, writer.outcome, after: .zero)
        self.proceed(keepsAlive: false, inputIsComplete: false, now: now)
    }

    // MARK: Answers

    /// - Parameter isLast: whether no further request is answered. What a client pipelined before the agent began to drain,
    ///   or before it shut down its own side, is.
    private func frame(for exchange: borrowing Exchange, isLast: Bool) -> ResponseWriter.Frame {
        ResponseWriter.Frame(
            requestID: exchange.id, keepsAlive: exchange.keepsAlive && !isLast, omitsBody: exchange.omitsBody)
    }

    /// The answer to the request in work is written.
    private mutating func conclude(
        _ exchange: borrowing Exchange, _ outcome: AnswerOutcome, keepsAlive: Bool, inputIsComplete: Bool,
        now: inout Instant
    ) {
        now = self.context.clock()
        self.recorder.conclude(
            exchange.request, exchange.id, from: self.peer, outcome, after: now - exchange.began)
        self.proceed(keepsAlive: keepsAlive, inputIsComplete: inputIsComplete, now: now)
    }

    /// Goes on to the next request, or towards the end of the connection.
    private mutating func proceed(keepsAlive: Bool, inputIsComplete: Bool, now: Instant) {
        let isReadToItsEnd = inputIsComplete || self.inputIsEnded
        switch self.state.answered(now: now, keepsAlive: keepsAlive, inputIsComplete: isReadToItsEnd) {
        case .nextRequest: break
        case .close: self.ending = .close
        case .linger: self.ending = .linger
        }
    }

    private mutating func endIfAllIsAnswered() {
        guard self.inputIsEnded, !self.isAnswering, !self.canResume, self.ending != .abort else { return }
        self.ending = .close
    }
}
