// SPDX-License-Identifier: Apache-2.0

import Primitives

/// Which endpoint the next request goes to, and when those that failed are probed again. No I/O, clock or lock: its owner
/// passes the time in.
///
/// 1. Requests go to endpoints that are up: of two that are drawn at random, to the one that will likely answer sooner.
///    Where none is up, they go to degraded ones, since a server whose key store is away still serves keys from its cache.
///    They never go to an unreachable one: only probes do.
/// 2. An endpoint that fails is marked down, and probed after a while that doubles with each failure. While no endpoint
///    answers, probes are never further apart than ``outagePeriod``, so that service is back soon after a server is.
/// 3. Only an attempt that began after an endpoint's last change can change it again: what was sent before says nothing
///    new. A thousand requests that die with one connection are one failure.
/// 4. One that is up and has not been asked for a while is probed too, so that its status stays true.
struct EndpointPool: Sendable {
    typealias Instant = EndpointState.Instant

    /// From the first failure to the first probe. Long enough for a connection that just died to be replaced.
    static let shortestBackOff = Duration.milliseconds(50)
    static let longestBackOff = Duration.seconds(5)
    /// The longest back-off while no endpoint answers. With the time that a probe takes, it is less than a second.
    static let outagePeriod = Duration.milliseconds(400)
    /// An endpoint that was up for so long starts with the shortest back-off when it fails. Otherwise it is flapping.
    static let steadyAfter = Duration.seconds(30)
    /// An endpoint that is up and was not asked for so long is probed.
    static let idlePeriod = Duration.seconds(10)
    /// The second choice is taken if its burden is less than this part of the first one's, so that small differences do not
    /// send everything to one endpoint.
    static let clearlyLess = 0.8
    /// Probes in flight to one endpoint. They do not wait for one another, since a server that hangs may lose one.
    static let probesOutstandingMax = 4

    /// Requests that one endpoint may have at a time, probes not counted.
    private let requestsPerEndpointMax: Int
    private(set) var states: [EndpointState]
    /// When the last endpoint that answered ceased to; nil while one answers.
    private(set) var outageSince: Instant?
    private var random: SeededGenerator

    /// - Parameters:
    ///   - count: at least 1, as ``ClusterClient`` makes sure of.
    ///   - seed: for random choices and jitter.
    init(count: Int, requestsPerEndpointMax: Int = .max, at now: Instant, seed: UInt64) {
        precondition(count > 0)
        self.requestsPerEndpointMax = requestsPerEndpointMax
        self.states = (0..<count).map { _ in EndpointState(at: now) }
        self.random = SeededGenerator(seed: seed)
    }

    // MARK: Requests

    /// Begins an attempt at the best endpoint that is not among `tried`. Nil if there is none, or if all that could be asked
    /// have as many requests as they may; see ``isServed(excluding:)``.
    mutating func choose(excluding tried: [Int], at now: Instant) -> EndpointAttempt? {
        guard let condition = self.bestCondition(excluding: tried),
            let index = self.draw(condition, excluding: tried)
        else { return nil }
        self.states[index].inFlight += 1
        return EndpointAttempt(
            endpoint: index, startedAt: now, isProbe: false, hasAlternative: self.hasAlternative(to: index, tried))
    }

    /// Whether there is an endpoint to ask that is not among `tried`, be it now or when it has room.
    func isServed(excluding tried: [Int]) -> Bool { self.bestCondition(excluding: tried) != nil }

    private func bestCondition(excluding tried: [Int]) -> EndpointState.Condition? {
        var best: EndpointState.Condition?
        for index in self.states.indices where !tried.contains(index) {
            switch self.states[index].condition {
            case .up: return .up
            case .degraded: best = .degraded
            case .unreachable: break
            }
        }
        return best
    }

    private mutating func draw(_ condition: EndpointState.Condition, excluding tried: [Int]) -> Int? {
        func isCandidate(_ index: Int) -> Bool {
            self.states[index].condition == condition && !tried.contains(index)
                && self.states[index].requestCount < self.requestsPerEndpointMax
        }
        func candidate(_ number: Int) -> Int? {
            var before = 0
            for index in self.states.indices where isCandidate(index) {
                if before == number { return index }
                before += 1
            }
            return nil
        }
        let count = self.states.indices.count(where: isCandidate)
        guard count > 1 else { return candidate(0) }
        let bits = self.random.next()
        let first = Int(truncatingIfNeeded: bits >> 32) % count
        let second = (first + 1 + Int(truncatingIfNeeded: bits & 0xffff_ffff) % (count - 1)) % count
        guard let one = candidate(first), let other = candidate(second) else { return nil }
        return self.states[other].burden < self.states[one].burden * Self.clearlyLess ? other : one
    }

    private func hasAlternative(to chosen: Int, _ tried: [Int]) -> Bool {
        self.states.indices.contains { index in
            index != chosen && self.states[index].condition != .unreachable && !tried.contains(index)
        }
    }

    // MARK: Probes

    /// When ``dueProbes(at:)`` has something to do next.
    var nextProbeAt: Instant? {
        self.states.lazy.filter { $0.probesOutstanding < Self.probesOutstandingMax }.map(\.probeAt).min()
    }

    /// Begins every probe that is due.
    mutating func dueProbes(at now: Instant) -> [EndpointAttempt] {
        self.states.indices.filter { self.states[$0].probeAt <= now }.compactMap { self.beginProbe(of: $0, at: now) }
    }

    /// Begins a probe, due or not. Nil if as many are in flight as may be.
    mutating func beginProbe(of index: Int, at now: Instant) -> EndpointAttempt? {
        guard self.states[index].probesOutstanding < Self.probesOutstandingMax else { return nil }
        self.states[index].probesOutstanding += 1
        self.states[index].inFlight += 1
        self.states[index].probeAt = now + self.pause(before: self.states[index].failureCount + 1, index)
        return EndpointAttempt(endpoint: index, startedAt: now, isProbe: true, hasAlternative: false)
    }

    /// Makes a probe of every endpoint due now, after a change that may mend them.
    mutating func probeAll(at now: Instant) {
        for index in self.states.indices { self.states[index].probeAt = now }
    }

    /// How long to wait until an endpoint is probed again. Half of it is random.
    private mutating func pause(before failureCount: Int, _ index: Int) -> Duration {
        guard self.states[index].fault != nil else { return Self.idlePeriod }
        let doubled = Self.shortestBackOff * (1 << min(failureCount - 1, 10))
        let longest = self.outageSince == nil ? Self.longestBackOff : Self.outagePeriod
        return self.jittered(min(doubled, longest))
    }

    private mutating func jittered(_ pause: Duration) -> Duration {
        pause / 2 + pause / 2 * Double(self.random.next() >> 11) * 0x1p-53
    }

    // MARK: Outcomes

    /// Ends an attempt with what it showed of its endpoint.
    ///
    /// - Returns: the change to report, if there is one.
    mutating func end(
        _ attempt: EndpointAttempt, _ outcome: EndpointAttempt.Outcome, at now: Instant
    ) -> EndpointChange? {
        let index = attempt.endpoint
        self.states[index].inFlight -= 1
        if attempt.isProbe { self.states[index].probesOutstanding -= 1 }
        switch outcome {
        case .inconclusive:
            return nil
        case .healthy:
            guard attempt.startedAt >= self.states[index].changedAt else { return nil }
            let change = self.succeed(index, at: now)
            if case .up = change, let expected = self.expectedLatency(of: index) {
                self.states[index].latency = LatencyAverage(assumed: expected, at: now)
            } else {
                self.states[index].latency.add(now - attempt.startedAt, at: now)
            }
            return change
        case .faulty(let fault):
            return attempt.startedAt < self.states[index].changedAt ? nil : self.fail(index, fault, attempt, at: now)
        }
    }

    private mutating func succeed(_ index: Int, at now: Instant) -> EndpointChange? {
        switch self.states[index].condition {
        case .up:
            self.states[index].probeAt = now + Self.idlePeriod
            return nil
        case .degraded where now < self.states[index].downUntil:
            return nil
        case .degraded, .unreachable:
            self.states[index].fault = nil
            self.states[index].changedAt = now
            self.states[index].probeAt = now + Self.idlePeriod
            self.outageSince = nil
            return .up(index, after: now - self.states[index].downSince, isFlapping: self.states[index].isFlapping)
        }
    }

    /// The latency to assume of an endpoint that comes back, in seconds: the average of the others; nil if there are none.
    /// Its own from before it failed would keep requests away for long, and so would that of the probe that brought it
    /// back, which had to connect first.
    private func expectedLatency(of index: Int) -> Double? {
        let others = self.states.indices.filter { $0 != index && self.states[$0].condition == .up }
        guard !others.isEmpty else { return nil }
        return others.reduce(0) { $0 + self.states[$1].latency.seconds } / Double(others.count)
    }

    private mutating func fail(
        _ index: Int, _ fault: EndpointFault, _ attempt: EndpointAttempt, at now: Instant
    ) -> EndpointChange? {
        let before = self.states[index].condition
        let sinceChange = now - self.states[index].changedAt
        self.states[index].fault = fault
        if self.states[index].condition != before { self.states[index].changedAt = now }

        if before == .up {
            let isFlapping = self.states[index].failureCount > 0 && sinceChange < Self.steadyAfter
            self.states[index].isFlapping = isFlapping
            self.states[index].failureCount = isFlapping ? self.states[index].failureCount + 1 : 1
            self.states[index].downSince = now
        } else if attempt.isProbe {
            self.states[index].failureCount += 1
        }
        self.noteOutage(at: now)
        if before == .up {
            self.states[index].probeAt = now + self.pause(before: self.states[index].failureCount, index)
            self.states[index].downUntil = self.states[index].probeAt
            return .down(index, fault, isFlapping: self.states[index].isFlapping)
        }
        if attempt.isProbe { self.states[index].downUntil = self.states[index].probeAt }
        return nil
    }

    /// When the last endpoint stops answering, shortens the pauses before the others are probed.
    private mutating func noteOutage(at now: Instant) {
        guard self.states.allSatisfy({ $0.condition == .unreachable }) else {
            self.outageSince = nil
            return
        }
        guard self.outageSince == nil else { return }
        self.outageSince = now
        for index in self.states.indices {
            let latest = now + self.jittered(Self.outagePeriod)
            self.states[index].probeAt = min(self.states[index].probeAt, latest)
        }
    }
}

/// One request in flight to one endpoint. Its owner must end it once, with ``EndpointPool/end(_:_:at:)``.
struct EndpointAttempt: Sendable {
    let endpoint: Int
    private let start: StoredInstant
    let isProbe: Bool
    /// Whether another endpoint could be tried after this one.
    let hasAlternative: Bool

    init(endpoint: Int, startedAt: EndpointState.Instant, isProbe: Bool, hasAlternative: Bool) {
        self.endpoint = endpoint
        self.start = StoredInstant(startedAt)
        self.isProbe = isProbe
        self.hasAlternative = hasAlternative
    }

    var startedAt: EndpointState.Instant { self.start.instant }

    /// What an attempt showed of its endpoint.
    enum Outcome: Equatable {
        case healthy
        case faulty(EndpointFault)
        /// Nothing: the attempt was cancelled, or failed on this side.
        case inconclusive
    }
}

/// A change of an endpoint that operators are told of.
enum EndpointChange: Equatable, Sendable {
    case up(Int, after: Duration, isFlapping: Bool)
    case down(Int, EndpointFault, isFlapping: Bool)
}
