// SPDX-License-Identifier: Apache-2.0

package import KeyService
package import LockedMemory
import Primitives
import Synchronization

/// Asks a cluster of key servers: ``ClusterCore`` decides, a ``ClusterTransport`` sends, a ``ClusterBackend`` knows the
/// protocol, and this class drives the three with async tasks.
///
/// ``run()`` must be running for endpoints that failed to be probed, and for requests to wait for one to return.
package final class ClusterClient: Sendable {
    package let addresses: [String]
    package let options: ClusterOptions

    let backend: any ClusterBackend
    let memory: SecretMemory
    let clock: any SteadyClock
    let report: @Sendable (ClusterNotice) -> Void
    let metrics: ClusterMetrics
    let wakeSignal = WakeSignal()
    let state: Mutex<State>

    /// - Parameters:
    ///   - addresses: `https://kes-1:7373`; one or more. One that is named twice is one.
    ///   - transport: uses the first credentials; see ``use(_:)``.
    ///   - memory: for bodies.
    ///   - seed: for random choices and jitter; a test's, or any number.
    ///   - report: is told of changes, at once and on any thread.
    package init(
        addresses: [String],
        backend: any ClusterBackend,
        options: ClusterOptions = ClusterOptions(),
        transport: any ClusterTransport,
        memory: SecretMemory,
        clock: any SteadyClock = ContinuousClock(),
        seed: UInt64 = .random(in: .min ... .max),
        report: @escaping @Sendable (ClusterNotice) -> Void
    ) {
        self.addresses = addresses.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
        self.backend = backend
        self.options = options
        self.memory = memory
        self.clock = clock
        self.report = report
        self.metrics = ClusterMetrics(addresses: self.addresses)
        self.state = Mutex(
            State(
                core: ClusterCore(endpointCount: self.addresses.count, options: options, at: clock.now, seed: seed),
                transport: transport))
    }

    /// Sends later requests over `transport`, which has new credentials. Those in flight end on the old one.
    package func use(_ transport: any ClusterTransport) {
        let now = self.clock.now
        let old = self.state.withLock { state in
            let old = state.transport
            state.transport = transport
            state.core.probeAll(at: now)
            return old
        }
        old.retire()
        self.wakeSignal.signal()
    }

    /// Counts that an endpoint returned another plaintext than the majority, and reports it once a minute.
    package func countWrongPlaintext(by endpoint: EndpointIndex) {
        let index = Int(endpoint.value)
        guard self.addresses.indices.contains(index) else { return }
        let now = self.clock.now
        let (count, isDue) = self.state.withLock { $0.core.countWrongPlaintext(by: index, at: now) }
        if isDue { self.report(.wrongPlaintext(address: self.addresses[index], count: count)) }
    }

    /// Requests in flight, probes not counted, and requests that wait for a place.
    package var load: (inFlight: Int, queued: Int) {
        self.state.withLock { ($0.core.admittedCount, $0.core.queue.count) }
    }
}

// MARK: State under the lock

extension ClusterClient {
    struct State: ~Copyable {
        var core: ClusterCore
        var transport: any ClusterTransport
        /// The tasks of requests that wait.
        private var waiters: [ClusterCore.RequestID: OneShot<NextStep>] = [:]

        init(core: consuming ClusterCore, transport: any ClusterTransport) {
            self.core = core
            self.transport = transport
        }
    }

    /// A ``RequestStep`` with what a task needs to take it.
    enum NextStep: Sendable {
        case attempt(RequestAttempt, over: any ClusterTransport)
        case wait(OneShot<NextStep>)
        case pause(until: StoredInstant)
        case end(KeyServiceError)
        /// The task was cancelled while it waited.
        case cancelled
    }

    /// What an event has left to do once the lock is released.
    struct PendingWork {
        var next = NextStep.end(.internalFailure)
        var resumed: [(waiter: OneShot<NextStep>, next: NextStep)] = []
        var change: EndpointChange?
        var unusableReason: String?
        var outcome = AttemptOutcome.succeeded
        /// Whether ``ClusterClient/run()`` has to wake earlier than it planned.
        var isWakeUpEarlier = false
    }
}

extension ClusterClient.State {
    typealias NextStep = ClusterClient.NextStep

    mutating func next(_ step: RequestStep, of id: ClusterCore.RequestID) -> NextStep {
        switch step {
        case .attempt(let attempt):
            return .attempt(attempt, over: self.transport)
        case .wait:
            let waiter = OneShot<NextStep>()
            self.waiters[id] = waiter
            return .wait(waiter)
        case .pause(let instant):
            return .pause(until: instant)
        case .end(let error):
            return .end(error)
        }
    }

    mutating func pendingWork(
        for effects: consuming ClusterEffects, of id: ClusterCore.RequestID? = nil
    ) -> ClusterClient.PendingWork {
        var work = ClusterClient.PendingWork()
        if let id, let step = effects.step { work.next = self.next(step, of: id) }
        for (id, step) in effects.resumed {
            guard let waiter = self.waiters.removeValue(forKey: id) else { continue }
            work.resumed.append((waiter, self.next(step, of: id)))
        }
        work.change = effects.change
        work.unusableReason = effects.unusableReason
        work.outcome = effects.outcome
        work.isWakeUpEarlier = self.core.takeEarlierWakeUp()
        return work
    }

    /// The request's task waits no more.
    mutating func forgetWaiter(of id: ClusterCore.RequestID) { self.waiters[id] = nil }
}

extension EndpointIndex {
    /// Nil beyond what the cache can remember, which is more than a configuration can name.
    package init?(position: Int) {
        guard let value = UInt16(exactly: position), value < .max else { return nil }
        self.init(value)
    }
}
