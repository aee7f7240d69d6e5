// SPDX-License-Identifier: Apache-2.0

import KeyService
import Primitives

@testable import Cluster

/// A core that a test drives by hand, on time that it moves.
final class CoreBench {
    typealias RequestID = ClusterCore.RequestID

    private(set) var now = ContinuousClock.now
    private var core: ClusterCore
    /// The last step of every request; nil for one that has ended well.
    private var steps: [RequestID: RequestStep] = [:]
    /// Every request, in the order of arrival.
    private var order: [RequestID] = []

    init(_ endpointCount: Int, seed: UInt64 = 1, _ change: (inout ClusterOptions) -> Void) {
        var options = ClusterOptions()
        change(&options)
        self.core = ClusterCore(endpointCount: endpointCount, options: options, at: self.now, seed: seed)
    }

    // MARK: Events

    @discardableResult func arrive(isHedged: Bool = false) -> RequestID {
        let (id, step) = self.core.arrive(RequestTerms(isRepeatable: true, isHedged: isHedged), at: self.now)
        self.order.append(id)
        self.steps[id] = step
        return id
    }

    func succeed(_ id: RequestID) {
        self.steps[id] = nil
        self.take(self.core.succeed(id, at: self.now), of: id)
    }

    func fail(_ id: RequestID, _ failure: AttemptFailure) {
        self.take(self.core.fail(id, failure, at: self.now), of: id)
    }

    func cancel(_ id: RequestID) { self.take(self.core.cancel(id, at: self.now), of: id) }

    func resume(_ id: RequestID) { self.take(self.core.resume(id, at: self.now), of: id) }

    func hedge(_ id: RequestID) -> RequestID? {
        guard let (hedge, attempt) = self.core.hedge(id, at: self.now) else { return nil }
        self.order.append(hedge)
        self.steps[hedge] = .attempt(attempt)
        return hedge
    }

    func startTime() { self.core.isTimed = true }

    func advance(by duration: Duration) { self.now += duration }

    /// - Returns: the probes that are due.
    func passTime() -> [EndpointAttempt] {
        let effects = self.core.passTime(to: self.now)
        self.take(effects, of: nil)
        return effects.probes
    }

    /// A probe finds the endpoint healthy.
    func mend(_ endpoint: Int) {
        guard let probe = self.core.pool.beginProbe(of: endpoint, at: self.now) else { return }
        self.take(self.core.endProbe(probe, .healthy, at: self.now), of: nil)
    }

    private func take(_ effects: ClusterEffects, of id: RequestID?) {
        if let id, let step = effects.step { self.steps[id] = step }
        for (id, step) in effects.resumed { self.steps[id] = step }
    }

    // MARK: What came of it

    var attempting: [RequestID] { self.order.filter { self.endpoint(of: $0) != nil } }
    var queued: [RequestID] { (0..<self.core.queue.count).map { self.core.queue[$0].id } }
    var waiting: [RequestID] { self.core.waiting.map(\.id) }
    var admittedCount: Int { self.core.admittedCount }
    /// Requests that have not ended.
    var count: Int { self.core.requests.count }
    var wakeAt: ContinuousClock.Instant { self.core.wakeAt ?? self.now + .seconds(3600) }
    var areAllUp: Bool { self.core.pool.states.allSatisfy { $0.condition == .up } }

    func takeEarlierWakeUp() -> Bool { self.core.takeEarlierWakeUp() }

    func endpoint(of id: RequestID) -> Int? {
        if case .attempt(let attempt)? = self.steps[id] { attempt.endpoint } else { nil }
    }

    func error(of id: RequestID) -> KeyServiceError? {
        if case .end(let error)? = self.steps[id] { error } else { nil }
    }

    func isPausing(_ id: RequestID) -> Bool {
        if case .pause? = self.steps[id] { true } else { false }
    }
}
