// SPDX-License-Identifier: Apache-2.0

import FakeKES
import KESProtocol
import KeyService
import TestSupport
import Testing

extension AgentWithKESTests {
    /// How long a data key answers while the key servers are there.
    @Suite struct CacheExpiryTests {
        /// What is not asked for is taken out of its place, and nobody need ask for that.
        @Test(arguments: [("1s", "0"), ("1h", "500ms")])
        func whatIsNotUsedGoes(any: String, unused: String) async throws {
            try await withKESAgent { setup, _ in
                setup.expire(any: any, unused: unused)
            } body: { agent, cluster in
                let key = try agent.makeDataKey()
                try agent.wait(for: "its end") { try agent.cache["evictions"]["expired"].integer == 1 }
                #expect(try agent.metrics.value("keyside_cache_entries") == 0)
                try expect(agent.ask(key.decrypt), opens: key, from: "miss")
                #expect(cluster.server.requestCount(.decrypt) == 1)
            }
        }

        /// Uses put off `unused` alone.
        @Test func whatIsUsedStays() async throws {
            try await withKESAgent { setup, _ in
                setup.expire(any: "1h", unused: "4s")
            } body: { agent, cluster in
                let (used, unused) = (try agent.makeDataKey(), try agent.makeDataKey())
                try agent.wait(for: "the end of the other") {
                    try expect(agent.ask(used.decrypt), opens: used, from: "hit")
                    return try agent.cache["evictions"]["expired"].integer == 1
                }
                try expect(agent.ask(unused.decrypt), opens: unused, from: "miss")
                try expect(agent.ask(used.decrypt), opens: used, from: "hit")
            }
        }

        /// However much it is used, a data key that nobody vouches for any more ends with `any`.
        @Test func whatCannotBeRenewedEndsWithAny() async throws {
            try await withKESAgent { setup, _ in
                setup.expire(any: "2s", unused: "0")
            } body: { agent, cluster in
                let key = try agent.makeDataKey()
                cluster.server.faults.set(.status(502, message: "failed to read key"), on: [.decrypt])
                var oldest = 0
                try agent.wait(for: "its end") {
                    let answer = try agent.ask(key.decrypt)
                    guard answer.status == 200 else {
                        expect(answer, refuses: 502, "failed to read key")
                        return true
                    }
                    expect(answer, opens: key, from: "hit")
                    oldest = max(oldest, try #require(answer.age))
                    return false
                }
                #expect(oldest <= 2)
                let renewals = "keyside_cache_renewals_total"
                #expect(try #require(agent.metrics.value(renewals, ["outcome": "failed"])) > 0)

                cluster.server.faults.clear()
                try agent.wait(for: "the server to be asked") { try agent.ask(key.decrypt).origin == "miss" }
                try expect(agent.ask(key.decrypt), opens: key, from: "hit")
            }
        }

        @Test func whatIsInUseIsRenewedBeforeItEnds() async throws {
            try await withKESAgent { setup, _ in
                setup.expire(any: "12s", unused: "0")
            } body: { agent, cluster in
                let key = try agent.makeDataKey()
                try agent.wait(for: "its renewal") {
                    try expect(agent.ask(key.decrypt), opens: key, from: "hit")
                    return try agent.metrics.value("keyside_cache_renewals_total", ["outcome": "succeeded"]) == 1
                }
                #expect(cluster.server.requestCount(.decrypt) == 1)
                let answer = try agent.ask(key.decrypt)
                expect(answer, opens: key, from: "hit")
                #expect(try #require(answer.age) < 9, "its age is that of its renewal")
                #expect(try agent.cache["misses"].integer == 0)
            }
        }

        /// A renewal that is refused is no outage.
        @Test func aRefusedRenewalEndsIt() async throws {
            try await withKESAgent { setup, cluster in
                setup.expire(any: "4s", unused: "0")
            } body: { agent, cluster in
                let key = try agent.makeDataKey()
                let other = try agent.makeDataKey()
                cluster.server.faults.set(
                    .status(403, message: "not authorized: insufficient permissions"), on: [.decrypt])
                try agent.wait(for: "its end") {
                    let answer = try agent.ask(key.decrypt)
                    if answer.status != 200 { return true }
                    expect(answer, opens: key, from: "hit")
                    return false
                }
                expect(try agent.ask(key.decrypt), refuses: 403, "not authorized: insufficient permissions")
                expect(try agent.ask(other.decrypt), refuses: 403, "not authorized: insufficient permissions")
            }
        }
    }
}
