// SPDX-License-Identifier: Apache-2.0

import Authorization
import HTTPMessages
import KeyService
import LockedMemory

@testable import Server

/// The agent's fronts over a scripted key service.
struct KESServiceFixture {
    /// For what requests bring; the service has memory of its own, so that each shows alone.
    let memory: SecretMemory
    let service: ScriptedKeyService
    let connections: ConnectionCount
    let front: KESFront
    let requestMetrics = RequestMetrics()
    let authorizer: Authorizer
    let fronts: FrontRouter

    /// - Parameter gate: lets nobody in, unless it is given.
    init(
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
    func connect() async throws -> TestConnection {
        try await TestConnection(fronts: self.fronts, observer: self.requestMetrics)
    }

    /// The answer to one request on a connection of its own.
    func ask(_ request: String, toHead: Bool = false) async throws -> Answer {
        let client = try await self.connect().client
        try await client.send(request)
        return try await client.receive(toHead: toHead)
    }
}

func put(_ path: String, _ body: String) -> String {
    "PUT \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
}

func request(_ method: String, _ path: String) -> String { "\(method) \(path) HTTP/1.1\r\nHost: x\r\n\r\n" }

/// The head of a request.
func head(_ request: String) throws -> RequestHead {
    var parser = RequestParser()
    var consumed = 0
    let bytes = Array(request.utf8)
    guard case .head(let head) = try parser.next(bytes.span, consumed: &consumed) else {
        throw RawClient.Failure.notAnAnswer(request)
    }
    return head
}
