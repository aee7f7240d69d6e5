// SPDX-License-Identifier: Apache-2.0

import Linux

/// Where a connection of HTTP/2 is between its first byte and its last, and until when it may stay there.
///
/// It decides; ``HTTP2Connection`` acts on it. What concerns a single request, as the time that it may take, is not its
/// business.
///
///     serving ─▶ announced ─▶ leaving ─▶ lingering ─▶ closed
///        └───────────────────────▲
///
/// A drain tells the client twice, RFC 9113 §6.8: first that an end is near, so that it opens no more streams, and when
/// it must know that, which request was the last to be taken. So none is lost on the way.
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
        /// At once: nobody is listening, or a head that had begun did not come to its end.
        case close
    }

    private(set) var phase = Phase.serving
    private let limits: ServerLimits
    /// When the phase ends by itself.
    private var phaseDeadline: Instant
    /// When a head that has begun must be complete.
    private var headDeadline = Instant.distantFuture
    private var requestCount = 0

    init(limits: ServerLimits, now: Instant) {
        self.limits = limits
        self.phaseDeadline = now + limits.idleTimeout
    }

    /// When ``expire(now:)`` has something to say, unless something happens before.
    var deadline: Instant { min(self.phaseDeadline, self.headDeadline) }

    /// Whether what comes in is of any interest.
    var takesInput: Bool {
        switch self.phase {
        case .serving, .announced, .leaving: true
        case .lingering, .closed: false
        }
    }

    mutating func headBegan(now: Instant) { self.headDeadline = now + self.limits.headerTimeout }

    /// It is complete, or was refused.
    mutating func headEnded() { self.headDeadline = .distantFuture }

    mutating func requestBegan() {
        self.requestCount += 1
        if self.phase == .serving { self.phaseDeadline = .distantFuture }
    }

    /// Its answer has gone, or it was given up.
    mutating func requestEnded(now: Instant) {
        self.requestCount -= 1
        if self.phase == .serving, self.requestCount == 0 { self.phaseDeadline = now + self.limits.idleTimeout }
    }

    /// The agent is about to stop.
    mutating func drain(now: Instant) -> Notice {
        guard self.phase == .serving else { return .none }
        self.phase = .announced
        self.phaseDeadline = now + self.limits.drainGrace
        return .announceEnd
    }

    /// The client has read all that it was told before.
    mutating func pingAnswered() -> Notice {
        guard self.phase == .announced else { return .none }
        self.leave()
        return .beginEnd
    }

    private mutating func leave() {
        self.phase = .leaving
        self.phaseDeadline = .distantFuture
    }

    /// Nothing more will be said.
    mutating func saidAll(now: Instant) {
        guard self.takesInput else { return }
        self.phase = .lingering
        self.phaseDeadline = now + self.limits.lingerTimeout
        self.headDeadline = .distantFuture
    }

    /// What to do at `now`.
    mutating func expire(now: Instant) -> Expiry {
        guard now >= self.deadline else { return .none }
        if now >= self.headDeadline {
            self.phase = .closed
            return .close
        }
        switch self.phase {
        case .serving, .announced:
            self.leave()
            return .beginEnd
        case .leaving, .closed:
            return .none
        case .lingering:
            self.phase = .closed
            return .close
        }
    }
}
