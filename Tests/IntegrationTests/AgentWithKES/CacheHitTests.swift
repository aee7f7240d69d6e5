// SPDX-License-Identifier: Apache-2.0

import FakeKES
import KESProtocol
import KeyService
import TestSupport
import Testing

extension AgentWithKESTests {
    /// Repeats are answered without the key servers, and nothing else is.
    @Suite struct CacheHitTests {
        @Test func whatWasMadeIsAnsweredWithoutTheServer() async throws {
            try await withKESAgent { agent, cluster in
                let made = try agent.ask(.generate(context: [1]))
                #expect(made.isDataKey && made.origin == "miss" && made["Age"] == "0")
                let key = EncryptedDataKey(
                    name: "my-key", plaintext: try #require(made.bytes("plaintext")),
                    ciphertext: try #require(made.bytes("ciphertext")), context: [1])
                for _ in 0..<5 {
                    let answer = try agent.ask(key.decrypt)
                    expect(answer, opens: key, from: "hit")
                    #expect(try #require(answer.age) >= 0)
                }
                #expect(cluster.server.requestCount(.generateKey) == 1)
                #expect(cluster.server.requestCount(.decrypt) == 0)
                let metrics = try agent.metrics
                #expect(metrics.value("keyside_cache_hits_total") == 5)
                #expect(metrics.value("keyside_cache_misses_total") == 0)
                #expect(metrics.value("keyside_cache_entries") == 1)
                #expect(metrics.value("keyside_cache_capacity_entries") == 65_536)
                let durations = metrics["keyside_request_duration_seconds"]?.histograms
                #expect(durations?[["operation": "decrypt", "cache": "hit"]]?.last?.value == 5)
            }
        }

        @Test func whatWasOpenedIsAnsweredWithoutTheServer() async throws {
            try await withKESAgent { agent, cluster in
                let key = try agent.makeDataKey()
                _ = try agent.purgeCache()
                let first = try agent.ask(key.decrypt)
                expect(first, opens: key, from: "miss")
                #expect(first["Age"] == "0")
                for _ in 0..<5 { try expect(agent.ask(key.decrypt), opens: key, from: "hit") }
                #expect(cluster.server.requestCount(.decrypt) == 1)
            }
        }

        /// Each repeat of what is not one data key's only question is a question of its own.
        @Test func aWrongQuestionIsNeverAnsweredFromARightOne() async throws {
            try await withKESAgent { agent, cluster in
                #expect(try agent.ask(HTTPRequest("PUT", "/v1/key/create/other")).status == 200)
                let key = try agent.makeDataKey(context: [1, 2, 3])
                let contexts: [[UInt8]?] = [nil, [], [1, 2], [1, 2, 3, 0], [1, 2, 4]]
                let wrong =
                    contexts.map { HTTPRequest.decrypt(ciphertext: key.ciphertext, context: $0) } + [
                        .decrypt("other", ciphertext: key.ciphertext, context: [1, 2, 3]),
                        .decrypt(ciphertext: key.ciphertext + [0], context: [1, 2, 3]),
                        .decrypt(ciphertext: key.ciphertext.dropLast(), context: [1, 2, 3]),
                        .decrypt(ciphertext: key.ciphertext + [1, 2, 3]),
                    ]
                for round in 1...3 {
                    for request in wrong {
                        expect(
                            try agent.ask(request), refuses: 400, "decryption failed: ciphertext is not authentic",
                            "\(request.testDescription)")
                    }
                    try expect(agent.ask(key.decrypt), opens: key, from: "hit")
                    #expect(cluster.server.requestCount(.decrypt) == round * wrong.count, "refusals are not kept")
                }
            }
        }

        /// An empty context and none are the same to KES.
        @Test func anEmptyContextIsNone() async throws {
            try await withKESAgent { agent, _ in
                let key = try agent.makeDataKey()
                let request = HTTPRequest.decrypt(ciphertext: key.ciphertext, context: [])
                try expect(agent.ask(request), opens: key, from: "hit")
            }
        }

        static let sizes = [(0, true), (1, true), (32, true), (33, true), (64, true), (65, false), (100_000, false)]

        @Test(arguments: Self.sizes)
        func plaintextsOfUpTo64BytesAreKept(byteCount: Int, isKept: Bool) async throws {
            try await withKESAgent { agent, cluster in
                let key = try agent.seal(.random(byteCount))
                #expect(try agent.cache["entries"].integer == 0, "what is sealed is not what will be opened")
                // A request whose ciphertext is no data key's is for one caller alone, beside the cache.
                let miss = byteCount > 4096 ? "bypass" : "miss"
                try expect(agent.ask(key.decrypt), opens: key, from: miss)
                for _ in 0..<3 { try expect(agent.ask(key.decrypt), opens: key, from: isKept ? "hit" : miss) }
                #expect(cluster.server.requestCount(.decrypt) == (isKept ? 1 : 4))
                #expect(try agent.cache["entries"].integer == (isKept ? 1 : 0))
            }
        }

        /// There is room for few of those that are longer than data keys; where it ends, the key server answers.
        @Test func thousandsOfAllLengthsAreAnsweredRight() async throws {
            try await withKESAgent { setup, _ in
                setup.environment["KEYSIDE_CACHE_MAX_ENTRIES"] = "300"
            } body: { agent, _ in
                let keys = try (0..<1200).map { try agent.seal(.random($0 % 70)) }
                let connection = try agent.connect()
                for _ in 0..<2 {
                    for key in keys + keys.suffix(100) {
                        let answer = try connection.ask(key.decrypt)
                        expect(answer, opens: key, from: answer.origin == "hit" ? "hit" : "miss")
                    }
                }
                let cache = try agent.cache
                #expect(try #require(cache["entries"].integer) <= 300)
                #expect(try #require(cache["evictions"]["capacity"].integer) > 1000)
                #expect(try #require(cache["hits"].integer) > 0)
            }
        }

        @Test(.timeLimit(.minutes(5)), arguments: ConnectionFaults.HTTPVersion.allCases)
        func aThousandCallersOfOneColdKeyCostOneRequest(version: ConnectionFaults.HTTPVersion) async throws {
            try RawConnection.allowThousands()
            try await withKESAgent { setup, _ in
                setup.speak(version)
                setup.environment["KEYSIDE_UPSTREAM_TIMEOUT"] = "5m"
            } body: { agent, cluster in
                let key = try agent.makeDataKey()
                _ = try agent.purgeCache()
                cluster.server.faults.set(.hold, on: [.decrypt])
                let connections = try (0..<1000).map { _ in try agent.connect() }
                for connection in connections { try connection.send(key.decrypt) }
                try agent.wait(for: "all to be in") { try agent.cache["coalesced"].integer == 999 }
                cluster.server.release()
                let answers = try connections.map { try $0.receiveAnswer() }
                for answer in answers {
                    expect(answer, opens: key, from: answer.origin == "miss" ? "miss" : "coalesced")
                    #expect(answer["Age"] == "0")
                }
                #expect(answers.count { $0.origin == "miss" } == 1)
                #expect(cluster.server.requestCount(.decrypt) == 1)
                #expect(try agent.metrics.value("keyside_cache_coalesced_total") == 999)
                try expect(agent.ask(key.decrypt), opens: key, from: "hit")
            }
        }

        /// Who gives up takes nobody with him, be it the one who asked first.
        @Test func whoWaitsIsAnsweredWhoeverGivesUp() async throws {
            try await withKESAgent { agent, cluster in
                let key = try agent.makeDataKey()
                _ = try agent.purgeCache()
                cluster.server.faults.set(.hold, on: [.decrypt])
                let (first, second, third) = (try agent.connect(), try agent.connect(), try agent.connect())
                try first.send(key.decrypt)
                try await cluster.server.wait(for: "the first") { $0.heldCount == 1 }
                for connection in [second, third] { try connection.send(key.decrypt) }
                try agent.wait(for: "all to be in") { try agent.cache["coalesced"].integer == 2 }
                let observer = try agent.connect()
                for connection in [first, third] { connection.close() }
                try agent.wait(forConnections: 2, askingOn: observer)
                cluster.server.release()
                try expect(second.receiveAnswer(), opens: key, from: "miss", "the request has become his")
                #expect(cluster.server.requestCount(.decrypt) == 1)
            }
        }

        @Test func withoutACacheEveryRequestGoesToTheServer() async throws {
            try await withKESAgent { setup, _ in
                setup.turnOffCache()
            } body: { agent, cluster in
                let made = try agent.ask(.generate())
                #expect(made.isDataKey && made.origin == "bypass" && made["Age"] == nil)
                let key = try agent.makeDataKey()
                for count in 1...5 {
                    let answer = try agent.ask(key.decrypt)
                    expect(answer, opens: key, from: "bypass")
                    #expect(answer["Age"] == nil)
                    #expect(cluster.server.requestCount(.decrypt) == count)
                }
                #expect(try agent.cache["enabled"].bool == false)
                let stats = try Keyside.run(["cache", "stats", "--socket", agent.socketPath])
                #expect(stats.status == .exited(0) && stats.output == "cache: off\n")
                let purge = try Keyside.run(["cache", "purge", "--all", "--socket", agent.socketPath])
                #expect(purge.status == .exited(0) && purge.output == "purged: 0\n")
                #expect(try agent.purgeCache(of: "my-key") == 0)
                #expect(try agent.metrics["keyside_cache_hits_total"] == nil)
            }
        }
    }
}
