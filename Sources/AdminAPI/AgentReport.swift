// SPDX-License-Identifier: Apache-2.0

import AdminProtocol
package import ByteCoding
package import HTTPServer
package import KeyCache
package import KeyService
import Linux
package import LockedMemory

/// What the agent reports about itself in its status, beyond what any key server does.
package struct AgentReport: Sendable {
    private let facts: AgentFacts
    private let service: any KeyService
    private let cache: CachedKeyService?
    private let memory: SecretMemory
    private let requests: RequestMetrics

    /// - Parameter cache: nil where keys are embedded.
    package init(
        facts: AgentFacts, service: any KeyService, cache: CachedKeyService?, memory: SecretMemory,
        requests: RequestMetrics
    ) {
        self.facts = facts
        self.service = service
        self.cache = cache
        self.memory = memory
        self.requests = requests
    }

    /// The status as a member of another JSON message.
    package func fragment(_ backend: BackendStatus) -> JSONFragment {
        JSONFragment(JSONWriter.text(self.status(backend), escaping: .html))
    }

    private func status(_ backend: BackendStatus) -> AgentStatus {
        var status = AgentStatus()
        status.backend.isReachable = backend.reachability != .unreachable
        status.state = status.backend.isReachable ? "ready" : "unavailable"
        status.commit = self.facts.commit
        status.processID = ProcessStatistics.processID
        status.backend.kind = self.service.kind
        status.backend.key = self.service.defaultKeyName.description
        status.backend.endpoints = backend.endpoints.map(AgentStatus.Endpoint.init)
        status.cache = CacheReport(self.cache)
        status.listeners = self.facts.listeners.map { listener in
            .init(
                name: listener.name.rawValue, address: listener.address, connections: listener.connections.current,
                refused: listener.connections.refused, validUntil: listener.certificateEnd?().rfc3339)
        }
        status.memory.kind = self.memory.kind.rawValue
        status.memory.lockedByteCount = self.memory.lockedByteCount
        status.memory.slotsInUse = self.memory.slotsInUse
        for (code, count) in self.requests.keyOperationsByStatus {
            switch code {
            case 200..<300: status.requests.succeeded += count
            case 400..<500: status.requests.refused += count
            case _: status.requests.failed += count
            }
        }
        return status
    }
}

extension AgentStatus.Endpoint {
    fileprivate init(_ endpoint: BackendStatus.Endpoint) {
        self.init(address: endpoint.address, isOnline: endpoint.isOnline)
        self.inFlight = endpoint.inFlight
        self.contradictions = endpoint.contradictions
        switch endpoint.condition {
        case .up(let latency):
            self.latencyMicroseconds = latency.map { Int(clamping: $0.attoseconds / 1_000_000_000_000) }
        case .down(let since, let reason):
            self.downSeconds = Int(since.components.seconds)
            self.reason = reason
        }
    }
}
