// SPDX-License-Identifier: Apache-2.0

import FakeKES
import KESProtocol
import KeyService
import TestSupport
import Testing

extension AgentWithKESTests {
    /// What the cache answers while no key server can be reached.
    @Suite struct CacheOfflineTests {
        private static func withAgent(
            servers serverCount: Int = 1, any: String = "1s", offline: String?,
            body: (AgentProcess, KESCluster) async throws -> Void
        ) async throws {
            try await withKESAgent(servers: serverCount) { setup, _ in
                setup.expire(any: any, unused: "0", offline: offline)
                setup.environment["KEYSIDE_UPSTREAM_CONNECT_TIMEOUT"] = "500ms"
            } body: { agent, cluster in
                try await body(agent, cluster)
            }
        }

        /// Asks until the answer is stale; until then it is a hit.
        private static func waitUntilStale(_ key: EncryptedDataKey, _ agent: AgentProcess) throws {
            try agent.wait(for: "a stale answer") {
                let answer = try agent.ask(key.decrypt)
                expect(answer, opens: key, from: answer.origin == "stale" ? "stale" : "hit")
                return answer.origin == "stale"
            }
        }

        /// Asks until the answer has a status; until then it is that of before.
        private static func wait(
            forStatus status: Int, after before: Set<Int>, _ key: EncryptedDataKey, _ agent: AgentProcess
        ) throws {
            try agent.wait(for: "\(status)") {
                let answer = try agent.ask(key.decrypt)
                if answer.status != status { #expect(before.contains(answer.status), "\(answer.text)") }
                return answer.status == status
            }
        }

        @Test func withoutServersDataKeysAnswerForAsLongAsTheOperatorSays() async throws {
            try await Self.withAgent(servers: 3, offline: "1h") { agent, cluster in
                let key = try agent.makeDataKey()
                let unknown = try agent.makeDataKey()
                _ = try agent.purgeCache()
                try expect(agent.ask(key.decrypt), opens: key, from: "miss")
                for server in cluster.servers { await server.goDown() }
                try Self.waitUntilStale(key, agent)
                let answer = try agent.ask(key.decrypt)
                expect(answer, opens: key, from: "stale")
                #expect(try #require(answer.age) >= 1)
                expect(try agent.ask(unknown.decrypt), refuses: 502, "failed to read key")
                expect(try agent.ask(.generate()), refuses: 502, "failed to read key")

                #expect(try #require(agent.metrics.value("keyside_cache_stale_total")) >= 2)
                let line = try agent.notifications.waitForStatus { $0.contains("answering from the cache") }
                #expect(line.contains("none of 3 key servers answers"), "\(line)")
                #expect(cluster.servers.allSatisfy { line.contains("\($0.endpoint) since 2") }, "\(line)")
                let said = "no key server can be reached; serving expired data keys from the cache"
                let lines = try agent.log.split(separator: "\n").filter { $0.contains(said) }
                #expect(lines.count == 1 && lines[0].hasPrefix("2") && lines[0].contains(" warning "), "\(lines)")

                try await cluster.servers[1].comeBack()
                try agent.wait(for: "an answer of the server") {
                    let answer = try agent.ask(key.decrypt)
                    expect(answer, opens: key, from: answer.origin == "stale" ? "stale" : "miss")
                    return answer.origin == "miss"
                }
                try agent.notifications.waitForStatus { !$0.contains("answering from the cache") }
                #expect(try agent.log.contains("key servers reachable again"))
            }
        }

        /// What `offline` adds ends too.
        @Test func theWindowEnds() async throws {
            try await Self.withAgent(offline: "2s") { agent, cluster in
                let key = try agent.makeDataKey()
                await cluster.server.goDown()
                try Self.waitUntilStale(key, agent)
                try Self.wait(forStatus: 502, after: [200], key, agent)
                try agent.wait(for: "its place to be emptied") { try agent.cache["entries"].integer == 0 }
            }
        }

        /// `unused` is for the time when the servers are there: what is kept for the time without them is kept.
        @Test func whatIsKeptForAnOutageMayLieUnused() async throws {
            try await withKESAgent { setup, _ in
                setup.expire(any: "1h", unused: "1ms", offline: "1h")
                setup.environment["KEYSIDE_UPSTREAM_CONNECT_TIMEOUT"] = "500ms"
            } body: { agent, cluster in
                let (key, other) = (try agent.makeDataKey(), try agent.makeDataKey())
                try agent.wait(for: "a use too late") { try agent.ask(other.decrypt).origin == "miss" }
                await cluster.server.goDown()
                try Self.waitUntilStale(key, agent)
            }
        }

        @Test func withoutTheSettingAnOutageIsOne() async throws {
            try await Self.withAgent(offline: nil) { agent, cluster in
                let key = try agent.makeDataKey()
                await cluster.server.goDown()
                try agent.waitForTheEnd(of: key)
                expect(try agent.ask(key.decrypt), refuses: 502, "failed to read key")
                #expect(try agent.metrics.value("keyside_cache_stale_total") == 0)
                #expect(try !agent.log.contains("serving expired data keys"))
            }
        }

        static let faults: [(Fault, Int)] = [
            (.status(500, message: "failed to decrypt ciphertext"), 500), (.status(500, message: "out of order"), 500),
            (.status(502, message: "failed to read key"), 502), (.status(503, message: "busy"), 503),
            (.body("{\"plaintext\":5}"), 500),
        ]

        /// A server that is there has the last word, whatever it is.
        @Test(arguments: Self.faults)
        func whileAServerAnswersNothingStaleIs(fault: Fault, status: Int) async throws {
            try await Self.withAgent(servers: 2, any: "500ms", offline: "1h") { agent, cluster in
                let key = try agent.makeDataKey()
                await cluster.servers[0].goDown()
                cluster.servers[1].faults.set(fault, on: [.decrypt])
                try Self.wait(forStatus: status, after: [200], key, agent)
                for _ in 0..<10 { #expect(try agent.ask(key.decrypt).status == status) }
                #expect(try agent.cache["stale"].integer == 0)

                // However long it takes.
                cluster.servers[1].faults.set(.hold, on: [.decrypt])
                let connection = try agent.connect()
                try connection.send(key.decrypt)
                try await cluster.servers[1].wait(for: "the request") { $0.heldCount > 0 }
                cluster.servers[1].faults.clear()
                cluster.servers[1].release()
                try expect(connection.receiveAnswer(), opens: key, from: "miss")
                #expect(try agent.cache["stale"].integer == 0)
            }
        }

        enum Refusal: CaseIterable {
            case keyDeleted, permissionWithdrawn

            func strike(_ cluster: KESCluster) throws {
                switch self {
                case .keyDeleted: cluster.server.keys.remove(try #require(KeyName("my-key")))
                case .permissionWithdrawn: cluster.server.access[cluster.credentials.apiKey.identity] = nil
                }
            }

            var status: Int { self == .keyDeleted ? 404 : 403 }
        }

        /// Once the server has said no, its next outage changes nothing.
        @Test(arguments: Refusal.allCases)
        func aRefusalEndsWhatTheWindowKeeps(refusal: Refusal) async throws {
            try await Self.withAgent(offline: "1h") { agent, cluster in
                let (key, other) = (try agent.makeDataKey(), try agent.makeDataKey())
                await cluster.server.goDown()
                try Self.waitUntilStale(key, agent)
                try Self.waitUntilStale(other, agent)

                try refusal.strike(cluster)
                try await cluster.server.comeBack()
                try Self.wait(forStatus: refusal.status, after: [200], key, agent)
                #expect(try agent.cache["entries"].integer == 0)
                await cluster.server.goDown()
                for key in [key, other] { try Self.wait(forStatus: 502, after: [refusal.status], key, agent) }
            }
        }

        /// It need not be the same data key that is refused, nor past its age.
        @Test(arguments: Refusal.allCases)
        func aRefusalEndsAllOfTheKeysEntries(refusal: Refusal) async throws {
            try await withKESAgent { agent, cluster in
                let (key, other) = (try agent.makeDataKey(), try agent.seal(.random(32)))
                try refusal.strike(cluster)
                try expect(agent.ask(key.decrypt), opens: key, from: "hit", "nobody has told")
                #expect(try agent.ask(other.decrypt).status == refusal.status)
                #expect(try agent.ask(key.decrypt).status == refusal.status)
                #expect(try agent.metrics.value("keyside_cache_evictions_total", ["reason": "purged"]) == 1)
            }
        }
    }
}
