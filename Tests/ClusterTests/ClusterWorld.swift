// SPDX-License-Identifier: Apache-2.0

import CurlTransport
import KeyService
import Primitives

@testable import Cluster

/// A cluster, requests to it, and time. What the core says is done at once; what comes of it, the seed decides.
final class ClusterWorld {
    typealias RequestID = ClusterCore.RequestID

    private enum Behaviour: CaseIterable {
        case serving, refusing, failing, hanging, nonsense
    }

    private(set) var brokenRule: String?
    private(set) var queuedMost = 0

    private var core: ClusterCore
    private var lots: SeededGenerator
    private var now = ContinuousClock.now
    private var behaviours: [Behaviour]
    /// What each request does, as the core has said.
    private var steps: [(id: RequestID, step: RequestStep)] = []
    private var probes: [EndpointAttempt] = []

    init(seed: UInt64) {
        var lots = SeededGenerator(seed: seed)
        let count = Int.random(in: 1...4, using: &lots)
        var options = ClusterOptions()
        options.inFlightMax = Int.random(in: 1...8, using: &lots)
        options.inFlightPerEndpointMax = Int.random(in: 1...3, using: &lots)
        options.queuedMax = Int.random(in: 1...12, using: &lots)
        options.isHedging = Bool.random(using: &lots)
        self.behaviours = (0..<count).map { _ in .serving }
        self.core = ClusterCore(endpointCount: count, options: options, at: self.now, seed: lots.next())
        self.core.isTimed = true
        self.lots = lots
    }

    var isEmpty: Bool {
        self.steps.isEmpty && self.core.requests.count == 0 && self.core.queue.isEmpty && self.core.waiting.isEmpty
            && self.core.admittedCount == 0 && self.core.pool.states.allSatisfy { $0.inFlight == 0 }
    }

    // MARK: Events

    func step() {
        switch self.lot(100) {
        case 0..<40: self.arrive()
        case 40..<70: self.endAnAttempt()
        case 70..<75: self.cancel()
        case 75..<80: self.endAProbe()
        case 80..<83:
            self.behaviours[self.lot(self.behaviours.count)] = .allCases.randomElement(using: &self.lots) ?? .serving
        case 83..<84: self.core.probeAll(at: self.now)
        case 84..<90: self.hedge()
        case 90..<98: self.pass(.milliseconds(self.lot(300)))
        case _: self.pass(.seconds(self.lot(12)))
        }
        self.check()
    }

    /// All endpoints serve, and no request comes any more.
    func settle() {
        self.behaviours = self.behaviours.map { _ in .serving }
        for _ in 0..<2_000 where !self.isEmpty {
            for _ in 0..<8 {
                self.endAnAttempt()
                self.endAProbe()
            }
            self.pass(.milliseconds(20))
            self.check()
        }
    }

    private func arrive() {
        let count = self.behaviours.count
        let avoided = self.lot(5) == 0 ? [self.lot(count)] : []
        let wasFull = self.core.queue.count >= self.core.options.queuedMax
        let (id, step) = self.core.arrive(
            RequestTerms(isRepeatable: self.lot(5) > 0, isHedged: self.lot(3) == 0, avoided: avoided), at: self.now)
        self.take(step, of: id)
        if case .end(.overloaded) = step, !wasFull { self.brokenRule = "refused with room in the queue" }
    }

    private func endAnAttempt() {
        let attempting = self.steps.compactMap { entry -> (RequestID, RequestAttempt)? in
            if case .attempt(let attempt) = entry.step { (entry.id, attempt) } else { nil }
        }
        guard let (id, attempt) = attempting.randomElement(using: &self.lots) else { return }
        self.steps.removeAll { $0.id == id }
        guard let failure = self.failure(at: attempt.endpoint) else {
            return self.take(self.core.succeed(id, at: self.now), of: id)
        }
        self.take(self.core.fail(id, failure, at: self.now), of: id)
    }

    private func failure(at endpoint: Int) -> AttemptFailure? {
        if self.lot(30) == 0 { return .answer(.outOfMemory) }
        func transfer(_ kind: TransferFailure.Kind, wasSent: Bool) -> AttemptFailure {
            .transfer(TransferFailure(kind, reason: "", requestWasSent: wasSent))
        }
        return switch self.behaviours[endpoint] {
        case .serving: nil
        case .refusing: transfer(.refused, wasSent: false)
        case .failing: self.lot(2) == 0 ? .answer(.failed(.unavailable, status: 502)) : nil
        case .hanging: transfer(.timedOut(whileConnecting: false), wasSent: true)
        case .nonsense: .answer(.unusable(reason: "nonsense"))
        }
    }

    private func cancel() {
        guard let entry = self.steps.randomElement(using: &self.lots) else { return }
        self.steps.removeAll { $0.id == entry.id }
        self.take(self.core.cancel(entry.id, at: self.now), of: entry.id)
    }

    private func hedge() {
        guard let entry = self.steps.randomElement(using: &self.lots),
            let (id, attempt) = self.core.hedge(entry.id, at: self.now)
        else { return }
        if case .attempt(let first) = entry.step, first.endpoint == attempt.endpoint {
            self.brokenRule = "a hedge went to where the first question is"
        }
        self.take(.attempt(attempt), of: id)
    }

    private func endAProbe() {
        guard let index = self.probes.indices.randomElement(using: &self.lots) else { return }
        let probe = self.probes.remove(at: index)
        let outcome: EndpointAttempt.Outcome =
            switch self.failure(at: probe.endpoint) {
            case nil: .healthy
            case let failure?: failure.verdict(hadFullTime: true).health
            }
        self.take(self.core.endProbe(probe, outcome, at: self.now), of: nil)
    }

    private func pass(_ duration: Duration) {
        self.now += duration
        self.take(self.core.passTime(to: self.now), of: nil)
        for case (let id, .pause(let until)) in self.steps where until.instant <= self.now {
            self.steps.removeAll { $0.id == id }
            self.take(self.core.resume(id, at: self.now), of: id)
        }
    }

    private func lot(_ count: Int) -> Int { Int.random(in: 0..<count, using: &self.lots) }

    // MARK: What the core says

    private func take(_ effects: ClusterEffects, of id: RequestID?) {
        self.probes += effects.probes
        if let id, let step = effects.step { self.take(step, of: id) }
        for (id, step) in effects.resumed {
            let before = self.steps.first { $0.id == id }
            if case .wait? = before?.step {} else { self.brokenRule = "resumed what did not wait" }
            self.steps.removeAll { $0.id == id }
            self.take(step, of: id)
        }
    }

    private func take(_ step: RequestStep, of id: RequestID) {
        if case .end = step {
            if self.core.requests.contains(id) { self.brokenRule = "ended, and not forgotten" }
            return
        }
        self.steps.append((id, step))
    }

    // MARK: Rules

    private func check() {
        self.queuedMost = max(self.queuedMost, self.core.queue.count)
        let options = self.core.options
        if self.core.admittedCount > options.inFlightMax { self.brokenRule = "too many are in flight" }
        if self.core.requests.count != self.steps.count { self.brokenRule = "a request has no step" }
        let admitted = self.core.requests.ids.count { self.core.requests[$0]?.isAdmitted == true }
        if admitted != self.core.admittedCount { self.brokenRule = "those in flight are miscounted" }
        for (endpoint, state) in self.core.pool.states.enumerated() {
            let count = self.steps.count { entry in
                if case .attempt(let attempt) = entry.step { attempt.endpoint == endpoint } else { false }
            }
            if state.requestCount != count { self.brokenRule = "\(endpoint) has \(count) requests" }
            if count > options.inFlightPerEndpointMax { self.brokenRule = "\(endpoint) has too many requests" }
        }
        self.checkQueue()
        if !self.core.waiting.isEmpty, self.core.pool.outageSince == nil { self.brokenRule = "waits without an outage" }
        let waitingCount = self.steps.count { if case .wait = $0.step { true } else { false } }
        if waitingCount != self.core.queue.count + self.core.waiting.count { self.brokenRule = "waits for nothing" }
    }

    private func checkQueue() {
        var arrival: UInt64 = 0
        var strangers = 0
        for position in 0..<self.core.queue.count {
            let entry = self.core.queue[position]
            guard let request = self.core.requests[entry.id] else {
                self.brokenRule = "what has ended is in the queue"
                return
            }
            if request.arrival <= arrival { self.brokenRule = "the queue is not in order" }
            arrival = request.arrival
            if !request.isAdmitted { strangers += 1 }
            if self.couldBePlaced(request) { self.brokenRule = "waits for a place that is free" }
            if entry.deadline <= self.now - .seconds(12) { self.brokenRule = "waits beyond its deadline" }
        }
        if strangers > self.core.options.queuedMax { self.brokenRule = "too many wait" }
    }

    private func couldBePlaced(_ request: ClusterRequest) -> Bool {
        guard request.isAdmitted || self.core.admittedCount < self.core.options.inFlightMax else { return false }
        let states = self.core.pool.states.enumerated().filter { !request.retries.tried.contains($0.offset) }
            .map(\.element)
        let up = states.filter { $0.condition == .up }
        let candidates = up.isEmpty ? states.filter { $0.condition == .degraded } : up
        return candidates.contains { $0.requestCount < self.core.options.inFlightPerEndpointMax }
    }
}
