// SPDX-License-Identifier: Apache-2.0

package import Authorization
import HTTPServer
package import LockedMemory
package import Telemetry

/// Connections, refusals, locked memory and version of the agent.
package struct AgentMetrics: MetricsSource {
    private let facts: AgentFacts
    private let memory: SecretMemory
    private let denials: Denials

    package init(facts: AgentFacts, memory: SecretMemory, denials: Denials) {
        self.facts = facts
        self.memory = memory
        self.denials = denials
    }

    package func writeMetrics(to text: inout MetricsText) {
        let listeners = self.facts.listeners
        func samples(
            of listeners: [AgentFacts.Listener], _ count: (ConnectionCount) -> Int
        ) -> [(MetricsText.Labels, Double)] {
            listeners.map { (["listener": $0.name.rawValue], Double(count($0.connections))) }
        }
        text.family(
            "keyside_connections", .gauge, "Open connections.", samples(of: listeners, \.current))
        let denied = [
            ("connections", listeners.reduce(0) { $0 + $1.connections.refused }),
            (
                "unauthenticated_connections",
                listeners.reduce(0) { $0 + $1.connections.droppedUnauthenticated }
            ),
            ("certificate", self.denials.withoutPrincipal.current), ("policy", self.denials.byPolicy.current),
        ]
        text.family(
            "keyside_denied_total", .counter, "Connections and requests refused for a limit or a right.",
            denied.map { (["reason": $0] as MetricsText.Labels, Double($1)) })
        let withTLS = listeners.filter { $0.name == .tls }
        if !withTLS.isEmpty {
            text.family(
                "keyside_failed_handshakes_total", .counter, "Handshakes of TLS that came to nothing.",
                samples(of: withTLS, \.failedHandshakes))
        }
        text.family(
            "keyside_locked_memory_bytes", .gauge, "Bytes of locked memory.", Double(self.memory.lockedByteCount))
        text.family(
            "keyside_locked_memory_used_bytes", .gauge, "Bytes of locked memory in use, by share.",
            MemoryShare.allCases.map {
                (["share": $0.name] as MetricsText.Labels, Double(self.memory.heap($0).byteCountInUse))
            })
        text.family(
            "keyside_memory_overflow_bytes", .gauge,
            "Bytes of unlocked (swappable) memory in use because a share of locked memory is full.",
            Double(self.memory.overflowByteCount))
        text.family(
            "keyside_refused_allocations_total", .counter,
            "Failed libcurl and OpenSSL allocations: share of locked memory full.",
            Double(self.memory.refusedAllocations))
        text.family(
            "keyside_build_info", .gauge, "What is running.",
            [(["version": self.facts.version] as MetricsText.Labels, 1)])
    }
}
