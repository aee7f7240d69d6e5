// SPDX-License-Identifier: Apache-2.0

import Linux

/// Where a connection of HTTP/2 is between its first byte and its last, and until when it may stay there.
///
/// It decides; ``HTTP2Connection`` acts on it. Each stream has a deadline of its own, which ``HTTP2Connection`` keeps.
///
///     serving ─▶ announced ─▶ leaving ─▶ lingering ─▶ closed
///        └───────────────────────▲
///
/// A drain tells the client twice, RFC 9113 §6.8: first that an end is near, so that it opens no more streams, and when
/// it must know that, which request was the last to be taken. So none is lost on the way.
///
/// Every phase has a deadline. While there are streams, the one of `serving` and `leaving` is only looked at again: the
/// streams' own deadlines end them.
struct HTTP2ConnectionState {
    enum Phase: Equatable {
        case serving
        /// The client was told that an end is near.
        case announced
        /// The client was told which request was the last. Those in work are answered.
        case leaving
        /// All is said; what still comes in is thrown away, so that the client gets to read it.
        case lingering
        case closed
    }

    /// What is to be told to the client.
    enum Notice: Equatable {
        case none
        /// That an end is near.
        case announceEnd
        /// Which request was the last.
        case beginEnd
    }

    /// What the passing of time asks for.
    enum Expiry: Equatable {
        /// Not yet: look again at the deadline.
        case none
        case beginEnd
        /// At once: the client does not listen, or a head that had begun did not come to its end.
        case close
    }

    private(set) var phase = Phase.serving
    private(set) var isDraining = false
    private let limits: ServerLimits
    /// When the phase ends by itself.
    private var phaseDeadline: Instant
    /// The head that has begun, by its number, and when it must be complete.
    private var openHead: (number: Int, deadline: Instant)?
    private var streamCount = 0
    /// When the last answer was made or the client ended the last stream.
    private var idleSince: Instant

    init(limits: ServerLimits, now: Instant) {
        self.limits = limits
        self.phaseDeadline = now + limits.idleTimeout
        self.idleSince = now
    }

    /// When ``expire(now:)`` has something to say, unless something happens before.
    var deadline: Instant {
        guard let openHead = self.openHead else { return self.phaseDeadline }
        return min(self.phaseDeadline, openHead.deadline)
    }

    /// Whether what comes in is of any interest.
    var takesInput: Bool {
        switch self.phase {
        case .serving, .announced, .leaving: true
        case .lingering, .closed: false
        }
    }

    /// Says which head has begun and is not complete, if any. Nothing but its own end, or the next head, changes its
    /// deadline.
    mutating func headIsOpen(_ number: Int?, now: Instant) {
        guard number != self.openHead?.number else { return }
        self.openHead = number.map { ($0, now + self.headTimeout) }
    }

    private var headTimeout: Interval {
        self.isDraining ? min(self.limits.headerTimeout, self.limits.lingerTimeout) : self.limits.headerTimeout
    }

    mutating func streamBegan() { self.streamCount += 1 }

    mutating func answered(now: Instant) { self.idleSince = now }

    /// - Parameter wasGivenUp: whether a deadline ended it. That does not make the client any less idle.
    mutating func streamEnded(now: Instant, wasGivenUp: Bool) {
        self.streamCount -= 1
        if !wasGivenUp { self.idleSince = now }
        guard self.streamCount == 0 else { return }
        switch self.phase {
        case .serving: self.phaseDeadline = self.idleSince + self.limits.idleTimeout
        case .leaving: self.phaseDeadline = now + self.limits.lingerTimeout
        case .announced, .lingering, .closed: break
        }
    }

    /// The agent is about to stop.
    mutating func drain(now: Instant) -> Notice {
        self.isDraining = true
        if let openHead = self.openHead {
            self.openHead = (openHead.number, min(openHead.deadline, now + self.headTimeout))
        }
        guard self.phase == .serving else { return .none }
        self.phase = .announced
        self.phaseDeadline = now + self.limits.drainGrace
        return .announceEnd
    }

    /// The client has read all that it was told before.
    mutating func pingAnswered(now: Instant) -> Notice {
        guard self.phase == .announced else { return .none }
        self.leave(now: now)
        return .beginEnd
    }

    private mutating func leave(now: Instant) {
        self.phase = .leaving
        self.phaseDeadline = now + self.limits.lingerTimeout
    }

    /// Nothing more will be said.
    mutating func saidAll(now: Instant) {
        guard self.takesInput else { return }
        self.phase = .lingering
        self.phaseDeadline = now + self.limits.lingerTimeout
        self.openHead = nil
    }

    /// What to do at `now`.
    mutating func expire(now: Instant) -> Expiry {
        if let openHead = self.openHead, now >= openHead.deadline { return self.close() }
        guard now >= self.phaseDeadline else { return .none }
        switch self.phase {
        case .serving where self.streamCount > 0:
            self.phaseDeadline = now + self.limits.idleTimeout
            return .none
        case .serving, .announced:
            self.leave(now: now)
            return .beginEnd
        case .leaving where self.streamCount > 0:
            self.phaseDeadline = now + self.limits.lingerTimeout
            return .none
        case .leaving, .lingering: return self.close()
        case .closed: return .none
        }
    }

    private mutating func close() -> Expiry {
        self.phase = .closed
        return .close
    }
}
