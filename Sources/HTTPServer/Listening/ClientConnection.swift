// SPDX-License-Identifier: Apache-2.0

import Linux
import LockedMemory
import Logging
import TLS

/// A client's socket with what is spoken over it: moves bytes between the two, as far as both want.
struct ClientConnection: ~Copyable {
    /// What the thread that serves many clients lends them in turn.
    struct LoopBuffers: ~Copyable {
        /// Takes what is received; empty between two turns.
        var input: TransitBuffer
        /// Takes answers; empty between two turns.
        var writer: ResponseWriter
        /// Of the deferred answer that was made last.
        var deferredOpenings = ResponseHeadCache()
        /// The time, as of the last look at the clock.
        var now = Instant.now()

        init(memory: SecretMemory) {
            self.input = TransitBuffer(capacity: Self.inputByteCount, in: memory)
            self.writer = ResponseWriter(capacity: Self.outputByteCount, in: memory)
        }

        /// Wipes answers that nobody will get.
        mutating func clear() { self.writer.buffer.removeAll(keeping: Self.outputByteCountMax) }

        // With what the heap adds, its classes are filled.
        fileprivate static var inputByteCount: Int { 32 * 1024 - 64 }
        fileprivate static var outputByteCount: Int { 16 * 1024 - 64 }
        /// An output buffer that has grown beyond this is not kept.
        fileprivate static var outputByteCountMax: Int { 96 * 1024 }
    }

    /// Whether it counts towards `limits.connections`. Others are told to come back later.
    let isAdmitted: Bool
    /// Its number among the unauthenticated connections; nil once its client is known.
    private(set) var unauthenticatedSerial: UnauthenticatedConnections.Serial?
    private var credential = PeerCredential.none
    let listener: Listener
    /// Kept, since it is asked for with every event, and the listener would be counted each time.
    let isOverTLS: Bool

    private var transport: Transport
    private var served: ServedConnection
    private let logger: Logger
    /// Answers that the socket did not take. As long as there are any, no request is looked at.
    private var unsent: TransitBuffer
    /// Until when the handshake may take.
    private var handshakeDeadline: Instant
    /// When the client must have taken more of what is unsent.
    private var sendDeadline: Instant
    /// How long a client may take none of it.
    private var sendTimeout: Interval
    private let lingerTimeout: Interval
    private var isGivenUp = false
    /// Whether it has had its turn, and there is more to be read that no event will tell of.
    private var waitsForNextTurn = false
    private var outputIsEnded = false
    /// What the event queue was last told to tell of.
    private var interest: EventQueue.Interest
    private var hasIgnoredInput = false
    /// Whether it is one of those that have said something last, and keeps memory for more.
    var isRecent = false {
        didSet { self.transport.keepBuffers(self.isRecent) }
    }

    /// How often input that no event tells of is looked at before others get their turn.
    private static var turnLengthMax: Int { 16 }

    init(
        _ socket: consuming Descriptor, of listener: Listener, _ admission: ConnectionCount.Admission,
        _ context: ServerLoop.ServerContext, now: Instant
    ) {
        self.listener = listener
        switch admission {
        case .refused:
            self.isAdmitted = false
        case .admitted(let serial, _):
            self.isAdmitted = true
            self.unauthenticatedSerial = serial
        }
        self.isOverTLS = listener.tls != nil
        self.transport = Transport(socket, tls: listener.tls)
        self.interest = self.transport.interest(input: true, output: false)
        self.served = ServedConnection(context, listener.fronts, with: Peer(listener.name), now: now)
        self.logger = context.logger
        self.unsent = TransitBuffer(in: context.memory)
        self.handshakeDeadline = now + context.limits.handshakeTimeout
        self.sendTimeout = context.limits.idleTimeout
        self.lingerTimeout = context.limits.lingerTimeout
        self.sendDeadline = now + self.sendTimeout
    }

    /// Closes the connection to make room: it is the oldest unauthenticated one.
    mutating func drop() {
        if self.transport.isReady {
            self.logger.debug("connection dropped", metadata: ["reason": "too many unauthenticated connections"])
        } else {
            self.handshakeFailed("too many unauthenticated connections")
        }
        self.isGivenUp = true
    }

    /// When ``timeIsUp(_:)`` has something to do.
    var deadline: Instant {
        guard !self.waitsForNextTurn else { return .distantPast }
        guard self.transport.isReady else { return self.handshakeDeadline }
        guard self.unsent.isEmpty else { return min(self.served.deadline, self.sendDeadline) }
        return self.served.deadline
    }

    // MARK: What happens. After each of these, `settle` is to follow.

    /// What an event has led to.
    struct EventOutcome {
        /// False if the client has gone.
        let isConnected: Bool
        /// Set where the handshake has shown a known client.
        var authenticatedSerial: UnauthenticatedConnections.Serial?
        /// Whether it is an authenticated TLS client that is active and does not keep its record buffers.
        var isActiveWithoutBuffers = false
    }

    mutating func handle(_ event: EventQueue.Event, _ buffers: inout LoopBuffers) -> EventOutcome {
        guard self.transport.isReady else {
            let serial = self.unauthenticatedSerial
            let isConnected = self.shakeHands(&buffers)
            return EventOutcome(
                isConnected: isConnected, authenticatedSerial: self.unauthenticatedSerial == nil ? serial : nil)
        }
        return EventOutcome(
            isConnected: self.serve(event, &buffers),
            isActiveWithoutBuffers: self.isOverTLS && !self.isRecent && self.unauthenticatedSerial == nil)
    }

    private mutating func serve(_ event: EventQueue.Event, _ buffers: inout LoopBuffers) -> Bool {
        self.transport.note(event)
        let awaitedRoom = event.hasRoom && self.transport.needsRoom
        if event.hasRoom, !self.unsent.isEmpty, !self.sendUnsent(now: buffers.now) { return false }
        guard event.hasInput || event.hasFailed || awaitedRoom else { return true }
        guard self.wantsInput else {
            self.hasIgnoredInput = true
            return !event.hasFailed
        }
        return self.receive(&buffers)
    }

    mutating func drain(now: Instant, grace: Interval) {
        self.served.drain(now: now)
        self.handshakeDeadline = min(self.handshakeDeadline, now + grace)
        self.sendTimeout = min(self.sendTimeout, self.lingerTimeout)
        self.sendDeadline = min(self.sendDeadline, now + self.sendTimeout)
    }

    mutating func timeIsUp(_ buffers: inout LoopBuffers) {
        if self.waitsForNextTurn {
            self.waitsForNextTurn = false
        } else if self.transport.isReady {
            if !self.unsent.isEmpty, self.sendDeadline <= buffers.now { self.isGivenUp = true }
            self.served.timeIsUp(&buffers.writer, now: &buffers.now)
        } else {
            self.handshakeFailed("it took too long")
            self.isGivenUp = true
        }
    }

    mutating func answerIsMade(_ serial: Int, _ answer: consuming ResponseWriter, _ buffers: inout LoopBuffers) {
        self.served.answerIsMade(serial, answer, &buffers.writer, now: &buffers.now)
    }

    /// Tells a client that there are too many. One of TLS could not be told before a handshake, which is what costs most.
    mutating func turnAway(with response: Response, _ buffers: inout LoopBuffers) {
        guard self.transport.isReady else {
            self.isGivenUp = true
            return
        }
        self.served.turnAway(with: response, &buffers.writer, now: buffers.now)
    }

    // MARK: The handshake

    private mutating func shakeHands(_ buffers: inout LoopBuffers) -> Bool {
        switch self.transport.shakeHands() {
        case .underWay:
            return true
        case .done(let credential, let speaksHTTP2):
            if let objection = credential.objection {
                self.logger.debug(
                    "client certificate rejected: it has no identity", metadata: ["reason": "\(objection)"])
            }
            self.credential = credential
            let peer = Peer(.tls, credential, isKnown: self.listener.fronts.knows(credential))
            self.recognize()
            self.served.meet(peer, speaksHTTP2: speaksHTTP2, now: buffers.now)
            return true
        case .plainHTTP:
            self.handshakeFailed("the client speaks HTTP without TLS")
            self.served.askForTLS(&buffers.writer, now: buffers.now)
            return true
        case .failed(let reason):
            self.handshakeFailed(reason)
            return false
        }
    }

    private func handshakeFailed(_ reason: String) {
        self.listener.connections.handshakeFailed()
        self.logger.debug("handshake failed", metadata: ["reason": "\(reason)"])
    }

    /// Counts the connection as that of a known client, if a rule names it by now.
    mutating func recognize() {
        guard let serial = self.unauthenticatedSerial, self.listener.fronts.knows(self.credential),
            self.listener.connections.authenticated(serial)
        else { return }
        self.unauthenticatedSerial = nil
        self.transport.setAuthenticated(true)
    }

    /// Counts the connection as that of an unknown client, if no rule names it any more.
    ///
    /// - Parameter loop: the position of the client's event loop.
    /// - Returns: another connection that has to go for it.
    mutating func forget(onLoop loop: Int) -> ConnectionCount.Dropped? {
        guard self.isOverTLS, self.isAdmitted, self.unauthenticatedSerial == nil,
            !self.listener.fronts.knows(self.credential)
        else { return nil }
        let (serial, dropped) = self.listener.connections.deauthenticated(onLoop: loop)
        self.unauthenticatedSerial = serial
        self.transport.setAuthenticated(false)
        return dropped
    }

    // MARK: Input

    private var wantsInput: Bool {
        self.served.wantsInput && (self.unsent.isEmpty || self.served.ending == .linger)
    }

    /// Whether the client has gone, and has left nothing that is still to be read.
    private var isAbandoned: Bool { self.transport.hasFailed && !self.wantsInput }

    private mutating func receive(_ buffers: inout LoopBuffers) -> Bool {
        var received = Descriptor.Received.failed
        buffers.input.withRoom(for: 1) { received = self.transport.receive(into: &$0) }
        switch received {
        case .bytes:
            buffers.input.visitBytes { self.served.receive($0, &buffers.writer, now: &buffers.now) }
            buffers.input.removeAll(keeping: .max)
        case .end:
            self.served.inputHasEnded()
        case .nothing:
            break
        case .failed:
            return false
        }
        return true
    }

    // MARK: Output

    /// What is left to do once a client has done all that it can at once.
    struct Settlement {
        /// When ``timeIsUp(_:)`` has something to do.
        let deadline: Instant
        /// Whether ``startWork(_:)`` has something to do.
        let hasWork: Bool
    }

    /// Does what the connection is waiting for, and has `events` report what it waits for next. One call for both, since
    /// each look-up of a client costs something.
    ///
    /// - Returns: nil if the connection has come to its end.
    mutating func settle(_ buffers: inout LoopBuffers, on events: borrowing EventQueue, token: UInt64) -> Settlement? {
        guard self.settle(&buffers), self.adjustWatch(on: events, token: token) else { return nil }
        return Settlement(deadline: self.deadline, hasWork: self.served.hasWork)
    }

    /// Sends answers, goes on with what waited behind them, or ends.
    ///
    /// - Returns: false if the connection has come to its end.
    private mutating func settle(_ buffers: inout LoopBuffers) -> Bool {
        guard !self.isGivenUp else { return false }
        var turnsLeft = Self.turnLengthMax
        while true {
            if self.unsent.isEmpty { self.served.write(into: &buffers.writer, now: &buffers.now) }
            guard self.served.ending != .abort, self.send(&buffers.writer, now: buffers.now) else { return false }
            let ending = self.served.ending
            guard self.unsent.isEmpty || ending == .linger else { return !self.isAbandoned }
            switch ending {
            case .none where self.served.canResume:
                self.served.resume(&buffers.writer, now: &buffers.now)
                continue
            case .none:
                break
            case .linger:
                if self.unsent.isEmpty { self.endOutput() }
            case .close, .abort:
                self.transport.sayThatItEnds()
                return false
            }
            guard self.transport.mayHoldInput, self.wantsInput else { return !self.isAbandoned }
            guard turnsLeft > 0 else {
                self.waitsForNextTurn = true
                return true
            }
            turnsLeft -= 1
            guard self.receive(&buffers) else { return false }
        }
    }

    /// Has `post` make the answers that have to be waited for, and gives up the wait for those that nobody waits for.
    mutating func startWork(_ post: (HTTP1Connection.Deferred) -> Task<Void, Never>) { self.served.startWork(post) }

    /// Sends what was written, and keeps what the socket does not take.
    ///
    /// - Returns: false if the connection is broken, or there is no memory for what was to be sent.
    private mutating func send(_ writer: inout ResponseWriter, now: Instant) -> Bool {
        guard !writer.buffer.isTruncated else { return false }
        guard !writer.buffer.isEmpty else { return true }
        if self.unsent.isEmpty {
            var sent: Int?
            writer.buffer.visitBytes { sent = self.transport.send($0) }
            guard let sent else { return false }
            writer.buffer.useUp(sent)
            self.sendDeadline = now + self.sendTimeout
        }
        if !writer.buffer.isEmpty { self.unsent.append(writer.buffer) }
        writer.buffer.removeAll(keeping: LoopBuffers.outputByteCountMax)
        return !self.unsent.isTruncated
    }

    /// Sends what the socket did not take before.
    private mutating func sendUnsent(now: Instant) -> Bool {
        guard let sent = self.unsent.withBytes({ self.transport.send($0) }) else { return false }
        self.unsent.useUp(sent)
        if sent > 0 { self.sendDeadline = now + self.sendTimeout }
        if self.unsent.isEmpty { self.unsent.removeAll() }
        return true
    }

    private mutating func endOutput() {
        guard !self.outputIsEnded else { return }
        self.outputIsEnded = true
        self.transport.endSending()
    }

    // MARK: The event queue

    func watch(on events: borrowing EventQueue, token: UInt64) throws(SystemError) {
        try self.transport.watch(self.interest, on: events, token: token)
    }

    /// Tells the queue what is waited for now. That input is not, only once there was some: nearly always the wait is
    /// over by then.
    ///
    /// - Returns: false if the queue cannot be told.
    private mutating func adjustWatch(on events: borrowing EventQueue, token: UInt64) -> Bool {
        let wanted = self.transport.interest(
            input: self.wantsInput || self.interest.input && !self.hasIgnoredInput,
            output: !self.unsent.isEmpty || self.transport.needsRoom)
        self.hasIgnoredInput = false
        guard wanted != self.interest else { return true }
        self.interest = wanted
        do throws(SystemError) {
            try self.transport.changeWatch(to: wanted, on: events, token: token)
            return true
        } catch {
            return false
        }
    }
}
