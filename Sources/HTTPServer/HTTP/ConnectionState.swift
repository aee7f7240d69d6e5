// SPDX-License-Identifier: Apache-2.0

import Linux

/// Where a connection is between its first byte and its last, and until when it may stay there.
///
/// It decides; ``Connection`` acts on it. One request is in work at a time: what a client
/// pipelines waits in the input, and reading stops while an answer is being made elsewhere.
///
///     idle ─▶ receivingHead ─▶ receivingBody ─▶ (answered at once) ─▶ idle
///                                          └──▶ answering ─▶ idle
///     any ─▶ lingering ─▶ closed
struct ConnectionState {
    enum Phase: Equatable {
        /// Between requests.
        case idle
        /// Some bytes of a request's head are here.
        case receivingHead
        /// The head is here, the body is not yet.
        case receivingBody
        /// The answer is being made elsewhere.
        case answering
        /// The last answer is out; what still comes in is thrown away, so that the client gets to read it.
        case lingering
        case closed
    }

    /// What the passing of time asks for.
    enum Expiry: Equatable {
        /// Not yet: look again at the deadline.
        case none
        /// At once: nobody is waiting, or nobody is listening.
        case close
        /// When the answers that the client has not read yet are written.
        case finish
        /// Say that the head took too long, then close.
        case refuseHead
        /// Say that the body took too long, then close.
        case refuseBody
        /// Answer in place of a backend that took too long.
        case giveUpAnswer
    }

    /// What follows an answer.
    enum Continuation: Equatable {
        case nextRequest
        /// Everything that the client sent has been read: close when the answer is written.
        case close
        /// The client may still be sending: shut down output when the answer is written, and read on for a while.
        case linger
    }

    private(set) var phase = Phase.idle
    /// When ``expire(now:)`` has something to say, unless something happens before.
    private(set) var deadline: Instant
    private(set) var isDraining = false

    private let limits: ServerLimits
    /// Whether the body that is being received is thrown away: its request is decided by the head.
    private var discardsBody = false

    init(limits: ServerLimits, now: Instant) {
        self.limits = limits
        self.deadline = now + limits.idleTimeout
    }

    /// Whether the next request may be looked at.
    var isReceiving: Bool {
        switch self.phase {
        case .idle, .receivingHead, .receivingBody: true
        case .answering, .lingering, .closed: false
        }
    }

    /// Whether what comes in is of any interest.
    var takesInput: Bool {
        switch self.phase {
        case .idle, .receivingHead, .receivingBody, .answering: true
        case .lingering, .closed: false
        }
    }

    /// The first bytes of a head are here, and not all of it.
    mutating func headBegan(now: Instant) {
        guard self.phase == .idle else { return }
        self.phase = .receivingHead
        self.deadline = now + self.limits.headerTimeout
        self.hurryIfDraining(now: now)
    }

    /// The head is complete. `timeout` is for body and answer together.
    mutating func headCompleted(now: Instant, timeout: Interval, discardsBody: Bool = false) {
        self.phase = .receivingBody
        self.discardsBody = discardsBody
        self.deadline = now + timeout
        self.hurryIfDraining(now: now)
    }

    /// The request is complete and its answer is being made elsewhere, within what is left of the same timeout.
    mutating func answeringBegan() { self.phase = .answering }

    /// An answer is written.
    ///
    /// - Parameters:
    ///   - keepsAlive: whether client and answer agree to go on.
    ///   - inputIsComplete: whether the whole request has been read.
    mutating func answered(now: Instant, keepsAlive: Bool, inputIsComplete: Bool) -> Continuation {
        if keepsAlive, inputIsComplete {
            self.phase = .idle
            self.deadline = now + (self.isDraining ? self.limits.drainGrace : self.limits.idleTimeout)
            return .nextRequest
        }
        self.phase = .lingering
        self.deadline = now + self.limits.lingerTimeout
        return inputIsComplete ? .close : .linger
    }

    /// The agent is about to stop.
    mutating func drain(now: Instant) {
        self.isDraining = true
        if self.phase == .idle { self.deadline = min(self.deadline, now + self.limits.drainGrace) }
        self.hurryIfDraining(now: now)
    }

    /// A drain waits for requests in work, not for heads that do not come and bodies that nothing depends on.
    private mutating func hurryIfDraining(now: Instant) {
        guard self.isDraining else { return }
        switch self.phase {
        case .receivingHead: self.deadline = min(self.deadline, now + self.limits.lingerTimeout)
        case .receivingBody where self.discardsBody:
            self.deadline = min(self.deadline, now + self.limits.lingerTimeout)
        case .idle, .receivingBody, .answering, .lingering, .closed: break
        }
    }

    mutating func closed() { self.phase = .closed }

    /// What to do at `now`.
    mutating func expire(now: Instant) -> Expiry {
        guard now >= self.deadline else { return .none }
        switch self.phase {
        case .idle where self.isDraining:
            self.phase = .lingering
            self.deadline = now + self.limits.idleTimeout
            return .finish
        case .idle, .lingering: return .close
        case .receivingHead: return .refuseHead
        case .receivingBody: return .refuseBody
        case .answering: return .giveUpAnswer
        case .closed: return .none
        }
    }
}
