// SPDX-License-Identifier: Apache-2.0

import KeyService
import Primitives

/// Decides what the requests to a cluster do: when and where each is sent, whether it is tried again, when it waits, when a
/// second endpoint is asked too, and when endpoints are probed.
///
/// Each method is an event. It returns what is to be done, and has no I/O, clock, lock or suspension, so that the driver
/// around it is free to be async tasks, event loops or a simulation. It allocates where a request waits, and nowhere on the
/// way of one that is sent and answered.
///
/// There is one limit on requests, of two parts:
/// 1. A request is *admitted* with its first place and remains so until it ends. At most ``ClusterOptions/inFlightMax``
///    are.
/// 2. Each attempt takes a place at its endpoint, of which there are ``ClusterOptions/inFlightPerEndpointMax``. Probes
///    take none.
/// 3. A request without a place waits in the ``RequestQueue``, up to its deadline. A place that becomes free goes to the
///    first that can use it. Hence no request that waits could be sent, and none overtakes another on the way to the same
///    place.
/// 4. A request that waits for a place at an endpoint has none at another one, and attempts wait for nothing. Hence no
///    two requests wait for each other.
/// 5. While no endpoint can be reached, admitted requests wait for one to return, at most for the connect timeout; once an
///    outage has lasted that long, they fail at once until an endpoint returns.
struct ClusterCore: ~Copyable {
    typealias Instant = ContinuousClock.Instant
    typealias RequestID = SlotMap<ClusterRequest>.ID

    let options: ClusterOptions
    var pool: EndpointPool
    var requests = SlotMap<ClusterRequest>()
    var queue = RequestQueue()
    /// Requests that wait for an endpoint to return, and until when.
    var waiting: [(id: RequestID, until: Instant)] = []
    /// Requests that are in flight, whatever they wait for.
    var admittedCount = 0
    var arrivalCount: UInt64 = 0
    /// Nil if no request is hedged.
    var hedging: Hedging?
    var unusableReports = ReportLimit()
    /// Whether the driver calls ``passTime(to:)`` at ``wakeAt``. If not, requests do not wait for endpoints.
    var isTimed = false
    private var isWakeUpEarlier = false
    /// How often each endpoint returned another plaintext than the majority.
    private(set) var wrongPlaintextCounts: [Int: Int] = [:]
    private var wrongPlaintextReports = ReportLimit()

    /// - Parameter seed: for random choices and jitter.
    init(endpointCount: Int, options: ClusterOptions, at now: Instant, seed: UInt64) {
        self.options = options
        self.pool = EndpointPool(
            count: endpointCount, requestsPerEndpointMax: options.inFlightPerEndpointMax, at: now, seed: seed)
        self.hedging = options.isHedging && endpointCount > 1 ? Hedging() : nil
    }

    /// After how long to call ``hedge(_:at:)`` for a hedged request; nil before enough is known.
    var hedgeDelay: Duration? { self.hedging?.delay }

    // MARK: Time

    /// When ``passTime(to:)`` has something to do.
    var wakeAt: Instant? {
        var earliest = self.pool.nextProbeAt
        for instant in [self.queue.earliestDeadline, self.waiting.lazy.map(\.until).min()] {
            guard let instant else { continue }
            earliest = earliest.map { min($0, instant) } ?? instant
        }
        return earliest
    }

    /// Whether ``wakeAt`` may have come nearer since this was asked last.
    mutating func takeEarlierWakeUp() -> Bool {
        defer { self.isWakeUpEarlier = false }
        return self.isWakeUpEarlier
    }

    mutating func noteEarlierWakeUp() { self.isWakeUpEarlier = true }

    /// Ends the waiting of requests whose time is over, and begins the probes that are due.
    mutating func passTime(to now: Instant) -> ClusterEffects {
        var effects = ClusterEffects()
        if self.waiting.contains(where: { $0.until <= now }) {
            let late = self.waiting.filter { $0.until <= now }
            self.waiting.removeAll { $0.until <= now }
            for (id, _) in late { self.giveUp(id, &effects) }
        }
        for id in self.queue.removeTimedOut(at: now) { self.giveUp(id, &effects) }
        self.placeQueued(at: now, &effects)
        effects.probes = self.pool.dueProbes(at: now)
        return effects
    }

    /// ``passTime(to:)`` is called no more: requests that wait for an endpoint give up.
    mutating func stopTimer(at now: Instant) -> ClusterEffects {
        self.isTimed = false
        var effects = ClusterEffects()
        let left = self.waiting
        self.waiting = []
        for (id, _) in left { self.giveUp(id, &effects) }
        self.placeQueued(at: now, &effects)
        return effects
    }

    private mutating func giveUp(_ id: RequestID, _ effects: inout ClusterEffects) {
        guard let request = self.requests.remove(id) else { return }
        self.release(request)
        effects.resumed.append((id, .end(request.error)))
    }

    // MARK: Endpoints

    /// Something has changed that may mend endpoints: makes a probe of each due now.
    mutating func probeAll(at now: Instant) {
        self.pool.probeAll(at: now)
        self.noteEarlierWakeUp()
    }

    mutating func endProbe(
        _ probe: EndpointAttempt, _ outcome: EndpointAttempt.Outcome, at now: Instant
    ) -> ClusterEffects {
        var effects = ClusterEffects()
        self.end(probe, outcome, at: now, &effects)
        self.placeQueued(at: now, &effects)
        return effects
    }

    /// Ends an attempt. Where that ends an outage, the requests that have waited for it are queued.
    ///
    /// - Returns: whether the endpoint failed and came back while the attempt was in flight.
    @discardableResult mutating func end(
        _ attempt: EndpointAttempt, _ outcome: EndpointAttempt.Outcome, at now: Instant,
        _ effects: inout ClusterEffects
    ) -> Bool {
        let isOutdated = attempt.startedAt < self.pool.states[attempt.endpoint].changedAt
        effects.change = self.pool.end(attempt, outcome, at: now)
        // A failure may hasten probes, and the end of one makes room for another.
        if outcome != .healthy || attempt.isProbe { self.noteEarlierWakeUp() }
        if self.pool.outageSince == nil, !self.waiting.isEmpty {
            let resumed = self.waiting
            self.waiting = []
            for (id, _) in resumed {
                self.requests[id]?.retries.startOver()
                self.enqueue(id)
            }
        }
        return isOutdated && self.pool.states[attempt.endpoint].condition != .unreachable
    }

    /// - Returns: how often the endpoint has done so, and whether to report it now.
    mutating func countWrongPlaintext(by endpoint: Int, at now: Instant) -> (count: Int, isDue: Bool) {
        let count = self.wrongPlaintextCounts[endpoint, default: 0] + 1
        self.wrongPlaintextCounts[endpoint] = count
        return (count, self.wrongPlaintextReports.isDue(for: endpoint, at: now))
    }
}
