// SPDX-License-Identifier: Apache-2.0

import CurlTransport
package import KeyService
import Primitives
import Synchronization
package import Telemetry

/// Probes of endpoints, their status and their metrics.
extension ClusterClient {
    /// The longest wait for a probe's answer, so that one that is lost does not hide that a server is back.
    private static let probeTimeoutMax = Duration.seconds(2)

    /// Probes endpoints when that is due, and ends the waiting of requests. Until its task is cancelled.
    package func run() async {
        self.state.withLock { $0.core.isTimed = true }
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                let now = self.clock.now
                let (probes, transport, work) = self.state.withLock { state in
                    let effects = state.core.passTime(to: now)
                    return (effects.probes, state.transport, state.pendingWork(for: effects))
                }
                // When to wake is read below, so there is nothing to signal.
                for (waiter, next) in work.resumed { waiter.resolve(next) }
                for probe in probes { group.addTask { await self.run(probe, over: transport) } }
                await self.wakeSignal.sleep(until: self.state.withLock { $0.core.wakeAt }, on: self.clock)
            }
            group.cancelAll()
        }
        let now = self.clock.now
        let work = self.state.withLock { state in
            let effects = state.core.stopTimer(at: now)
            return state.pendingWork(for: effects)
        }
        self.finish(work)
    }

    /// Probes every endpoint at once, and returns what they say.
    package func status() async -> BackendStatus {
        let now = self.clock.now
        let (probes, transport) = self.state.withLock { state in
            (self.addresses.indices.compactMap { state.core.pool.beginProbe(of: $0, at: now) }, state.transport)
        }
        await withDiscardingTaskGroup { group in
            for probe in probes { group.addTask { await self.run(probe, over: transport) } }
        }
        return self.knownStatus
    }

    /// Whether no endpoint answers, as far as is known without asking.
    package var isOutOfReach: Bool { self.state.withLock { $0.core.pool.outageSince != nil } }

    /// What is known of every endpoint, without asking.
    package var knownStatus: BackendStatus {
        let now = self.clock.now
        let (states, contradictions) = self.state.withLock { ($0.core.pool.states, $0.core.wrongPlaintextCounts) }
        let fastest = states.filter { $0.condition == .up }.compactMap(\.latency.value).min()
        return BackendStatus(
            reachability: fastest.map { .reachable(latency: $0) } ?? .unreachable,
            endpoints: zip(self.addresses, states).enumerated()
                .map { index, endpoint in
                    BackendStatus.Endpoint(
                        address: endpoint.0, condition: endpoint.1.status(at: now), inFlight: endpoint.1.inFlight,
                        contradictions: contradictions[index] ?? 0)
                })
    }

    // MARK: One probe

    private func run(_ probe: EndpointAttempt, over transport: any ClusterTransport) async {
        let call = self.backend.call(self.backend.probe, on: "")
        let timeout = min(self.options.connectTimeout, Self.probeTimeoutMax)
        let transfer = Transfer(
            call, to: self.addresses[probe.endpoint], body: nil,
            bounds: self.backend.answerBounds(of: call.operation, bodyByteCount: 0),
            deadline: probe.startedAt + timeout)
        var health = EndpointAttempt.Outcome.healthy
        var outcome = AttemptOutcome.succeeded
        do throws(AttemptFailure) {
            try await self.send(transfer, over: transport) { body throws(AnswerFault) in
                if let fault = try self.backend.fault(inProbeAnswer: body) { health = .faulty(fault) }
            }
        } catch {
            let verdict = error.verdict(hadFullTime: true)
            (health, outcome) = (verdict.health, verdict.outcome)
        }
        let now = self.clock.now
        let work = self.state.withLock { state in
            let effects = state.core.endProbe(probe, health, at: now)
            return state.pendingWork(for: effects)
        }
        self.metrics.ended(call.operation, at: probe.endpoint, outcome, after: now - probe.startedAt)
        self.finish(work)
    }
}

extension EndpointState {
    fileprivate func status(at now: Instant) -> BackendStatus.Endpoint.Condition {
        guard let fault = self.fault else { return .up(latency: self.latency.value) }
        return .down(since: now - self.downSince, reason: "\(fault)")
    }
}

extension ClusterClient: MetricsSource {
    package func writeMetrics(to text: inout MetricsText) {
        let states = self.state.withLock { $0.core.pool.states }
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
