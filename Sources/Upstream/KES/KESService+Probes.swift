// SPDX-License-Identifier: Apache-2.0

import CurlTransport
import KESProtocol
package import KeyService
import Primitives
import Synchronization
package import Telemetry

/// How endpoints are looked after, and what is told of them.
extension KESService {
    /// Longer is never waited for a probe's answer, so that one that is lost does not hide that a server is back.
    private static let probeTimeoutMax = Duration.seconds(2)

    /// Probes endpoints when that is due, and ends the waiting of requests. Until it is cancelled.
    package func run() async {
        self.state.withLock { $0.isRunning = true }
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                let now = self.clock.now
                let (probes, impatient) = self.state.withLock { ($0.beginProbes(at: now), $0.takeTimedOut(at: now)) }
                for waiter in impatient { waiter.resolve(false) }
                for probe in probes { group.addTask { await self.run(probe) } }
                await self.wakeSignal.sleep(until: self.state.withLock(\.wakeAt), on: self.clock)
            }
            group.cancelAll()
        }
        let left = self.state.withLock { state in
            state.isRunning = false
            return state.takeWaiting { _ in true }
        }
        for waiter in left { waiter.resolve(false) }
    }

    /// Asks every endpoint, all at a time, and tells what they said.
    package func status() async -> BackendStatus {
        let now = self.clock.now
        let probes = self.state.withLock { state in
            self.addresses.indices.compactMap { state.beginProbe(of: $0, at: now) }
        }
        await withDiscardingTaskGroup { group in
            for probe in probes { group.addTask { await self.run(probe) } }
        }
        return self.knownStatus
    }

    package var isOutOfReach: Bool { self.state.withLock { $0.pool.outageSince != nil } }

    /// What is known of every endpoint, without asking.
    package var knownStatus: BackendStatus {
        let now = self.clock.now
        let (states, contradictions) = self.state.withLock { ($0.pool.states, $0.wrongPlaintextCounts) }
        let fastest = states.filter { $0.condition == .up }.compactMap(\.latency.value).min()
        return BackendStatus(
            reachability: fastest.map { .reachable(latency: $0) } ?? .unreachable,
            endpoints: zip(self.addresses, states).enumerated()
                .map { index, endpoint in
                    BackendStatus.Endpoint(
                        address: endpoint.0, condition: endpoint.1.told(at: now), inFlight: endpoint.1.inFlight,
                        contradictions: contradictions[index] ?? 0)
                })
    }

    // MARK: One probe

    /// KES's status says whether its key store answers. Who may not ask for it learns at least that somebody is there.
    private func run(_ probe: Probe) async {
        let timeout = min(self.options.connectTimeout, Self.probeTimeoutMax)
        let call = KESCall(
            .status, at: self.addresses[probe.attempt.endpoint], path: Operation.status.path,
            deadline: probe.attempt.startedAt + timeout)
        do throws(AttemptFailure) {
            let status = try await call.perform(NoBody(), over: probe.transport, memory: self.memory) {
                (body, _) throws(KESAnswer.Unusable) in try KESAnswer.Status(decoding: body)
            }
            let health: EndpointAttempt.Outcome =
                status.keyStore == .unreachable ? .faulty(.keyStoreUnreachable) : .healthy
            self.end(probe.attempt, .status, health, .succeeded)
        } catch {
            let verdict = error.verdict(hadFullTime: true)
            self.end(probe.attempt, .status, verdict.health, verdict.outcome)
        }
    }

    struct Probe {
        let attempt: EndpointAttempt
        let transport: any KESTransport
    }
}

extension KESService.State {
    fileprivate mutating func beginProbes(at now: ContinuousClock.Instant) -> [KESService.Probe] {
        self.pool.dueProbes(at: now).map { KESService.Probe(attempt: $0, transport: self.transport) }
    }

    fileprivate mutating func beginProbe(of index: Int, at now: ContinuousClock.Instant) -> KESService.Probe? {
        self.pool.beginProbe(of: index, at: now).map { KESService.Probe(attempt: $0, transport: self.transport) }
    }
}

extension EndpointState {
    fileprivate func told(at now: Instant) -> BackendStatus.Endpoint.Condition {
        guard let fault = self.fault else { return .up(latency: self.latency.value) }
        return .down(since: now - self.downSince, reason: "\(fault)")
    }
}

extension KESService: MetricsSource {
    package func writeMetrics(to text: inout MetricsText) {
        let states = self.state.withLock { $0.pool.states }
        self.metrics.write(to: &text)
        text.family(
            "keyside_upstream_up", .gauge, "Whether the endpoint serves: 1, or 0.",
            self.samples(of: states) { $0.condition == .up ? 1 : 0 })
        text.family(
            "keyside_upstream_in_flight", .gauge, "Requests under way to the endpoint.",
            self.samples(of: states) { Double($0.inFlight) })
    }

    private func samples(
        of states: [EndpointState], _ value: (EndpointState) -> Double
    ) -> [(MetricsText.Labels, Double)] {
        zip(self.addresses, states).map { (["endpoint": $0], value($1)) }
    }
}
