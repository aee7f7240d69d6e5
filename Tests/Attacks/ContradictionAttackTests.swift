// SPDX-License-Identifier: Apache-2.0

import FakeKES
import KESProtocol
import KeyService
import TestSupport
import Testing

/// A key server, or somebody in its place, that returns another plaintext for a ciphertext than before.
@Suite struct ContradictionAttackTests {
    private static func body(_ plaintext: [UInt8]) -> Fault { .body("{\"plaintext\":\"\(plaintext.base64)\"}") }

    private static func withAgent(
        servers serverCount: Int, any: String = "300ms", body: (AgentProcess, KESCluster) async throws -> Void
    ) async throws {
        try await withKESAgent(servers: serverCount) { setup, _ in
            setup.expire(any: any, unused: "0", offline: "1h")
            setup.environment["KEYSIDE_UPSTREAM_CONNECT_TIMEOUT"] = "300ms"
        } body: { agent, cluster in
            try await body(agent, cluster)
        }
    }

    private static func contradictions(of agent: AgentProcess) throws -> Int {
        try Int(agent.metrics.value("keyside_cache_contradictions_total") ?? 0)
    }

    @Test("is outvoted by two others, and named")
    func aLyingServerIsOutvoted() async throws {
        try await Self.withAgent(servers: 3) { agent, cluster in
            let key = try agent.makeDataKey()
            cluster.server.faults.set(Self.body(.random(32)), on: [.decrypt])
            try agent.wait(for: "a contradiction") {
                let answer = try agent.ask(key.decrypt)
                #expect(answer.status == 200 && answer.bytes("plaintext") == key.plaintext, "\(answer.text)")
                return try Self.contradictions(of: agent) > 0
            }
            let endpoints = try agent.ask(.get("/v1/status")).json["keyside"]["backend"]["endpoints"].elements
            #expect(endpoints.map { ($0["contradictions"].integer ?? 0) > 0 } == [true, false, false])
            let status = try Keyside.run(["status", "--socket", agent.socketPath])
            #expect(status.output.contains("wrong plaintext"), "\(status.output)")
            let named = try agent.log.split(separator: "\n")
                .filter { $0.contains("wrong plaintext") && $0.contains(cluster.server.endpoint) }
            #expect(named.count == 1 && named[0].contains(" error "), "\(named)")
        }
    }

    @Test("fails the request if no two answers agree, and nothing of it is cached or served offline")
    func withoutAMajorityNothingIsTrusted() async throws {
        try await Self.withAgent(servers: 2, any: "1s") { agent, cluster in
            let key = try agent.makeDataKey()
            for server in cluster.servers { server.faults.set(Self.body(.random(32)), on: [.decrypt]) }
            try agent.wait(for: "a contradiction") {
                let answer = try agent.ask(key.decrypt)
                guard answer.status != 200 else {
                    #expect(answer.bytes("plaintext") == key.plaintext)
                    return false
                }
                expect(answer, refuses: 502, "key servers returned different plaintexts for this ciphertext")
                return true
            }
            #expect(try Self.contradictions(of: agent) == 1)
            #expect(try agent.cache["entries"].integer == 0)

            for server in cluster.servers { server.faults.clear() }
            for _ in 0..<2 { try expect(agent.ask(key.decrypt), opens: key, from: "miss") }
            for server in cluster.servers { await server.goDown() }
            try agent.wait(for: "the outage") { try agent.ask(key.decrypt).status == 502 }
            #expect(try agent.metrics.value("keyside_cache_stale_total") == 0)
        }
    }

    @Test("cannot have a new data key replace a cached one")
    func aReplayedCiphertextIsNoNewDataKey() async throws {
        try await Self.withAgent(servers: 1, any: "1m") { agent, cluster in
            let key = try agent.makeDataKey()
            let replay = "{\"plaintext\":\"\([UInt8].random(32).base64)\",\"ciphertext\":\"\(key.ciphertext.base64)\"}"
            cluster.server.faults.set(.body(replay), on: [.generateKey])
            #expect(try agent.ask(.generate()).status == 502)
            try expect(agent.ask(key.decrypt), opens: key, from: "miss")
            #expect(try Self.contradictions(of: agent) == 1)
        }
    }
}
