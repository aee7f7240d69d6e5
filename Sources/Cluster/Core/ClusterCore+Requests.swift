// SPDX-License-Identifier: Apache-2.0

import KeyService
import Primitives

/// The events of a request, from its arrival to its end.
extension ClusterCore {
    /// A request arrives.
    mutating func arrive(_ terms: RequestTerms, at now: Instant) -> (id: RequestID, step: RequestStep) {
        self.arrivalCount += 1
        let id = self.requests.insert(
            ClusterRequest(
                arrival: self.arrivalCount, arrivedAt: StoredInstant(now), isHedged: terms.isHedged, isHedge: false,
                retries: RetryState(
                    isRepeatable: terms.isRepeatable, options: self.options, startedAt: now,
                    deadline: now + self.options.timeout, avoiding: terms.avoided)))
        // No request in the queue can use a place that is free, so this one overtakes none.
        if let step = self.place(id, at: now) { return (id, step) }
        guard self.queue.count < self.options.queuedMax else {
            _ = self.requests.remove(id)
            return (id, .end(.overloaded))
        }
        self.enqueue(id)
        return (id, .wait)
    }

    /// A hedged request has taken unusually long. Asks a second endpoint, if there is a place that is free and a hedge
    /// within the budget.
    ///
    /// - Returns: the second question, a request of its own, that neither waits nor pauses. Nil if there is none.
    mutating func hedge(_ id: RequestID, at now: Instant) -> (id: RequestID, attempt: RequestAttempt)? {
        guard let first = self.requests[id], case .attempting(let current) = first.phase,
            let hedging = self.hedging, hedging.isAffordable, self.admittedCount < self.options.inFlightMax,
            let attempt = self.pool.choose(excluding: [current.endpoint], at: now)
        else { return nil }
        self.hedging?.spend()
        let hedge = self.requests.insert(
            ClusterRequest(
                arrival: first.arrival, arrivedAt: first.arrivedAt, isHedged: true, isHedge: true,
                retries: RetryState(
                    isRepeatable: first.retries.isRepeatable, options: self.options, startedAt: now,
                    deadline: first.retries.deadline, excluding: current.endpoint)))
        return (hedge, self.begin(attempt, hedge))
    }

    /// An attempt has brought an answer that could be decoded: the request ends.
    mutating func succeed(_ id: RequestID, at now: Instant) -> ClusterEffects {
        var effects = ClusterEffects()
        guard let request = self.requests.remove(id) else { return effects }
        if case .attempting(let attempt) = request.phase { self.end(attempt.attempt, .healthy, at: now, &effects) }
        self.release(request)
        if request.isHedged { self.hedging?.note(now - request.arrivedAt.instant) }
        self.placeQueued(at: now, &effects)
        return effects
    }

    /// An attempt has failed: the request goes on elsewhere, waits, or ends.
    mutating func fail(_ id: RequestID, _ failure: AttemptFailure, at now: Instant) -> ClusterEffects {
        var effects = ClusterEffects()
        guard case .attempting(let attempt)? = self.requests[id]?.phase else {
            effects.step = .end(.internalFailure)
            return effects
        }
        let hadFullTime = attempt.deadline - attempt.attempt.startedAt >= self.options.connectTimeout
        let verdict = failure.verdict(hadFullTime: hadFullTime)
        effects.outcome = verdict.outcome
        self.requests[id]?.phase = .pausing
        let isOutdated = self.end(attempt.attempt, verdict.health, at: now, &effects)
        if let reason = failure.unusableReason, self.unusableReports.isDue(for: attempt.endpoint, at: now) {
            effects.unusableReason = reason
        }
        let next = self.requests[id]?.retries
            .fail(
                verdict, at: isOutdated || failure.isOfRetiredTransport ? nil : attempt.endpoint,
                leftNoTrace: failure.leftNoTrace, now: now)
        switch next {
        case .retry:
            self.goOn(id, at: now, &effects)
        case .retryAfter(let pause) where self.requests[id]?.isHedge == false:
            effects.step = .pause(until: StoredInstant(now + pause))
            self.placeQueued(at: now, &effects)
        case .retryAfter, .giveUp, nil:
            if let request = self.requests.remove(id) { self.release(request) }
            effects.step = .end(verdict.error)
            self.placeQueued(at: now, &effects)
        }
        return effects
    }

    /// A pause is over.
    mutating func resume(_ id: RequestID, at now: Instant) -> ClusterEffects {
        var effects = ClusterEffects()
        guard case .pausing? = self.requests[id]?.phase else {
            effects.step = .end(.internalFailure)
            return effects
        }
        self.goOn(id, at: now, &effects)
        return effects
    }

    /// The caller has given up while the request waited, or before it learned its next step. The request ends.
    mutating func cancel(_ id: RequestID, at now: Instant) -> ClusterEffects {
        var effects = ClusterEffects()
        guard let request = self.requests.remove(id) else {
            effects.step = .end(.timedOut)
            return effects
        }
        switch request.phase {
        case .attempting(let attempt): self.end(attempt.attempt, .inconclusive, at: now, &effects)
        case .queued: self.queue.remove(id)
        case .waitingForEndpoint: self.waiting.removeAll { $0.id == id }
        case .pausing: break
        }
        self.release(request)
        effects.step = .end(request.error)
        self.placeQueued(at: now, &effects)
        return effects
    }

    // MARK: Places

    /// Gives an admitted request its next place, after requests that arrived before it.
    private mutating func goOn(_ id: RequestID, at now: Instant, _ effects: inout ClusterEffects) {
        if self.queue.isEmpty, let step = self.place(id, at: now) {
            effects.step = step
            return
        }
        self.enqueue(id)
        self.placeQueued(at: now, &effects)
        if let index = effects.resumed.firstIndex(where: { $0.id == id }) {
            effects.step = effects.resumed.remove(at: index).step
        } else {
            effects.step = .wait
        }
    }

    mutating func enqueue(_ id: RequestID) {
        guard let request = self.requests[id] else { return }
        self.requests[id]?.phase = .queued
        let isNearer = self.queue.insert(
            RequestQueue.Entry(
                id: id, arrival: request.arrival, isPlain: !request.isAdmitted && request.retries.tried.isEmpty,
                deadline: request.retries.deadline))
        if isNearer { self.noteEarlierWakeUp() }
    }

    /// Gives the places that are free to the first requests in the queue that can use them.
    mutating func placeQueued(at now: Instant, _ effects: inout ClusterEffects) {
        var position = 0
        var arePlainBlocked = false
        while position < self.queue.count {
            let entry = self.queue[position]
            if arePlainBlocked, entry.isPlain {
                position += 1
                continue
            }
            guard let step = self.place(entry.id, at: now) else {
                if entry.isPlain {
                    if self.queue.specialCount == 0 { return }
                    arePlainBlocked = true
                }
                position += 1
                continue
            }
            self.queue.remove(at: position)
            switch step {
            case .wait, .pause: break
            case .attempt: effects.resumed.append((entry.id, step))
            case .end:
                effects.resumed.append((entry.id, step))
                (position, arePlainBlocked) = (0, false)  // Its end may have made room.
            }
        }
    }

    /// - Returns: what the request does now. Nil if there is no place for it, but an endpoint that could serve it.
    private mutating func place(_ id: RequestID, at now: Instant) -> RequestStep? {
        guard let isAdmitted = self.requests[id]?.isAdmitted else { return .end(.internalFailure) }
        guard isAdmitted || self.admittedCount < self.options.inFlightMax else { return nil }
        while true {
            let tried = self.requests[id]?.retries.tried ?? []
            if let attempt = self.pool.choose(excluding: tried, at: now) { return .attempt(self.begin(attempt, id)) }
            let isHedge = self.requests[id]?.isHedge == true
            if self.pool.isServed(excluding: tried), !isHedge { return nil }
            if !isHedge, let until = self.waitingTime(of: id, at: now) {
                self.admit(id)
                self.requests[id]?.phase = .waitingForEndpoint
                self.waiting.append((id, until))
                self.noteEarlierWakeUp()
                return .wait
            }
            if self.requests[id]?.retries.admitAvoided() == true { continue }
            guard let request = self.requests.remove(id) else { return .end(.unavailable) }
            self.release(request)
            return .end(request.retries.error ?? .unavailable)
        }
    }

    /// Until when a request waits for an endpoint to return; nil if it does not.
    private func waitingTime(of id: RequestID, at now: Instant) -> Instant? {
        guard self.isTimed, let outageSince = self.pool.outageSince, let request = self.requests[id] else { return nil }
        let until = min(request.retries.waitDeadline, outageSince + self.options.connectTimeout)
        return now < until ? until : nil
    }

    private mutating func begin(_ attempt: EndpointAttempt, _ id: RequestID) -> RequestAttempt {
        self.admit(id)
        let deadline = self.requests[id]?.retries.deadline(of: attempt) ?? attempt.startedAt
        let connectTimeout = self.requests[id]?.retries.connectTimeout(of: attempt) ?? .zero
        let begun = RequestAttempt(attempt, deadline: deadline, connectTimeout: connectTimeout)
        self.requests[id]?.phase = .attempting(begun)
        return begun
    }

    private mutating func admit(_ id: RequestID) {
        guard self.requests[id]?.isAdmitted == false else { return }
        self.requests[id]?.isAdmitted = true
        self.admittedCount += 1
    }

    /// Forgets that a request was in flight, after it was removed.
    mutating func release(_ request: ClusterRequest) {
        if request.isAdmitted { self.admittedCount -= 1 }
    }
}
