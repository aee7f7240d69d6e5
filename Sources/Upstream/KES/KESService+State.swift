// SPDX-License-Identifier: Apache-2.0

import Primitives
import Synchronization

extension KESService {
    /// What requests and probes share. Decisions are made here, under the lock; what follows from them is done outside.
    struct State {
        var pool: EndpointPool
        var transport: any KESTransport
        let connectTimeout: Duration
        /// Whether ``KESService/run()`` is running. If not, nobody would end a wait.
        var isRunning = false
        /// Requests that wait for an endpoint to return.
        var waiting: [WaitingRequest] = []
        /// Reports of unusable answers.
        var unusableReports = ReportLimit()
        /// How often each endpoint returned another plaintext than the majority.
        var wrongPlaintextCounts: [Int: Int] = [:]
        var contradictionReports = ReportLimit()

        struct WaitingRequest {
            let waiter: OneShot<Bool>
            let until: ContinuousClock.Instant
        }
    }

    /// Limits reports about each endpoint to one a minute.
    struct ReportLimit {
        private static let period = Duration.seconds(60)
        private var reportedAt: [Int: ContinuousClock.Instant] = [:]

        /// Whether to report now. If so, the period begins.
        mutating func isDue(for endpoint: Int, at now: ContinuousClock.Instant) -> Bool {
            if let last = self.reportedAt[endpoint], now < last + Self.period { return false }
            self.reportedAt[endpoint] = now
            return true
        }
    }

    /// What a request does next.
    enum Step {
        case attempt(EndpointAttempt, over: any KESTransport)
        /// Until it is told whether an endpoint has returned.
        case wait(OneShot<Bool>)
        case end
    }

    /// What is left to do when an attempt has ended.
    struct AttemptEffects {
        let change: EndpointChange?
        /// Those that can go on now.
        let resumed: [OneShot<Bool>]
        /// Whether the endpoint failed and came back while the attempt was under way.
        let isOutdated: Bool
    }
}

extension KESService.State {
    mutating func next(_ retries: RetryState, at now: ContinuousClock.Instant) -> KESService.Step {
        if let attempt = self.pool.choose(excluding: retries.tried, at: now) {
            return .attempt(attempt, over: self.transport)
        }
        guard self.isRunning, let outageSince = self.pool.outageSince else { return .end }
        let until = min(retries.waitDeadline, outageSince + self.connectTimeout)
        guard now < until else { return .end }
        let waiter = OneShot<Bool>()
        self.waiting.append(WaitingRequest(waiter: waiter, until: until))
        return .wait(waiter)
    }

    mutating func end(
        _ attempt: EndpointAttempt, _ outcome: EndpointAttempt.Outcome, at now: ContinuousClock.Instant
    ) -> KESService.AttemptEffects {
        let isOutdated = attempt.startedAt < self.pool.states[attempt.endpoint].changedAt
        let change = self.pool.end(attempt, outcome, at: now)
        return KESService.AttemptEffects(
            change: change, resumed: self.pool.outageSince == nil ? self.takeWaiting { _ in true } : [],
            isOutdated: isOutdated && self.pool.states[attempt.endpoint].condition != .unreachable)
    }

    /// Those whose patience has ended.
    mutating func takeTimedOut(at now: ContinuousClock.Instant) -> [OneShot<Bool>] {
        self.takeWaiting { $0.until <= now }
    }

    mutating func takeWaiting(where isTaken: (WaitingRequest) -> Bool) -> [OneShot<Bool>] {
        guard !self.waiting.isEmpty else { return [] }
        let taken = self.waiting.filter(isTaken)
        self.waiting.removeAll(where: isTaken)
        return taken.map(\.waiter)
    }

    /// When there is something to do that nobody but the clock announces.
    var wakeAt: ContinuousClock.Instant? {
        [self.pool.nextProbeAt, self.waiting.lazy.map(\.until).min()].compactMap(\.self).min()
    }
}
