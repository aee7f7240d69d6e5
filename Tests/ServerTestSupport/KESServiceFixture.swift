// SPDX-License-Identifier: Apache-2.0

import AdminAPI
package import Authorization
package import HTTPServer
package import KESFront
import KeyService
package import LockedMemory

/// The agent's fronts over a scripted key service.
package struct KESServiceFixture {
    /// For what requests bring; the service has memory of its own, so that each shows alone.
    package let memory: SecretMemory
    package let service: ScriptedKeyService
    package let connections: ConnectionCount
    package let front: KESFront
    package let requestMetrics = RequestMetrics()
    package let authorizer: Authorizer
    package let fronts: FrontRouter

    /// - Parameter gate: lets nobody in, unless it is given.
    package init(
        _ speed: ScriptedKeyService.Speed = .later, keys: [String] = ["my-key"], slotCount: Int = 64,
        gate: Gate = Gate(policies: [], bindings: [])
    ) throws {
        self.memory = try SecretMemory(slotCount: slotCount, heapByteCountMax: 4 << 20, allowUnlocked: true)
        self.service = try ScriptedKeyService(
            speed, keys: keys,
            memory: SecretMemory(slotCount: 64, heapByteCountMax: 1 << 20, allowUnlocked: true))
        self.connections = ConnectionCount(limit: 100)
        let facts = AgentFacts(
            version: "1.2.3", commit: "<unknown>",
            listeners: [.init(.unix, at: "/run/test.sock", connections: self.connections)])
        self.authorizer = Authorizer(gate)
        let report = AgentReport(
            facts: facts, service: self.service, cache: nil, memory: self.memory, requests: self.requestMetrics)
        self.front = KESFront(
            service: self.service, memory: self.memory, version: facts.version, commit: facts.commit,
            authorizer: self.authorizer, requestMetrics: self.requestMetrics
        ) { report.fragment($0) }
        let admin = AdminFront(
            cache: nil, authorizer: self.authorizer,
            metrics: [
                self.front.metrics, self.requestMetrics,
                AgentMetrics(facts: facts, memory: self.memory, denials: self.authorizer.denials),
                ProcessMetrics(startedAt: facts.startedAt),
            ])
        self.fronts = FrontRouter(self.front, [admin])
    }

    /// A connection whose requests are counted.
    package func connect() async throws -> TestConnection {
        try await TestConnection(fronts: self.fronts, observer: self.requestMetrics)
    }

    /// The answer to one request on a connection of its own.
    package func ask(_ request: String, toHead: Bool = false) async throws -> Answer {
        let client = try await self.connect().client
        try await client.send(request)
        return try await client.receive(toHead: toHead)
    }
}
