// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import HTTPMessages
import KESProtocol
import KeyService
import Linux
import LockedMemory

/// What the agent tells of itself.
extension KESFront {
    /// Version, readiness, status, metrics, API: the endpoints that take no name.
    func tell(_ endpoint: Operation, with writer: inout ResponseWriter) -> DeferredAnswer? {
        let front = self
        switch endpoint {
        case .version:
            writer.write(.json(KESAnswer.Version(version: self.facts.version, commit: self.facts.commit).body))
            return nil
        case .api:
            writer.write(.json(KESAnswer.API().body))
            return nil
        case .metrics:
            writer.write(.metrics(self.report.text(includingOwn: false)))
            return nil
        case .ready:
            return { writer in
                await writer.respond(at: .ready) { () throws(KeyServiceError) in
                    guard case .reachable = await front.service.status().reachability else { throw .unavailable }
                    return Response(.ok)
                }
            }
        case .status:
            return { writer in
                let status = await front.status()
                writer.write(.json(status.body))
            }
        case .decrypt, .generateKey, .encrypt, .hmac, .describeKey, .listKeys, .createKey, .importKey, .deleteKey:
            preconditionFailure("\(endpoint) is routed elsewhere")
        }
    }

    private func status() async -> KESAnswer.Status {
        let backend = await self.service.status()
        let process = ProcessStatistics.current()
        let processors = ProcessStatistics.processors
        var status = KESAnswer.Status()
        status.version = self.facts.version
        status.operatingSystem = Self.operatingSystem
        status.architecture = Self.architecture
        status.uptime = self.facts.uptime
        status.processorCount = processors.all
        status.usableProcessorCount = processors.usable
        status.heapByteCount = process.heapByteCount
        status.stackByteCount = process.stackByteCount ?? 0
        switch backend.reachability {
        case .reachable(let latency): status.keyStore = .reachable(latency: latency)
        case .unreachable: status.keyStore = .unreachable
        }
        status.keyside = JSONFragment(JSONWriter.text(self.agentStatus(backend), escaping: .html))
        return status
    }

    private func agentStatus(_ backend: BackendStatus) -> AgentStatus {
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

    /// As Go names them, which KES's clients expect.
    private static let operatingSystem = "linux"
    #if arch(x86_64)
    private static let architecture = "amd64"
    #elseif arch(arm64)
    private static let architecture = "arm64"
    #else
    private static let architecture = "unknown"
    #endif
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
