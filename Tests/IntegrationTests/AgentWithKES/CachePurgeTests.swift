// SPDX-License-Identifier: Apache-2.0

import FakeKES
import Glibc
import KESProtocol
import KeyService
import TestSupport
import Testing

extension AgentWithKESTests {
    /// What is forgotten answers no more.
    @Suite struct CachePurgeTests {
        enum Way: String, CaseIterable {
            case request, command, commandInJSON, signal

            /// Whether it tells how many there were, and can be given a name.
            var isAnswered: Bool { self != .signal }

            /// - Returns: how many data keys it says there were; nil if it says nothing.
            func purge(_ name: String?, at agent: AgentProcess) throws -> Int? {
                let arguments =
                    ["cache", "purge"] + (name.map { ["--key", $0] } ?? ["--all"]) + ["--socket", agent.socketPath]
                switch self {
                case .request:
                    return try agent.purgeCache(of: name)
                case .command:
                    let outcome = try Keyside.run(arguments)
                    #expect(outcome.status == .exited(0) && outcome.error.isEmpty, "\(outcome.error)")
                    return try Int(#require(outcome.output.wholeMatch(of: /purged: (\d+)\n/)?.1))
                case .commandInJSON:
                    let outcome = try Keyside.run(arguments + ["--output", "json"])
                    #expect(outcome.status == .exited(0))
                    return try JSONValue(outcome.output)["purged"].integer
                case .signal:
                    let count = try agent.cache["entries"].integer ?? 0
                    try agent.signal(SIGUSR1)
                    try agent.wait(for: "the purge") { try agent.log.contains("cache purged entries=\(count)") }
                    return nil
                }
            }
        }

        @Test(arguments: Way.allCases)
        func everythingIsForgotten(way: Way) async throws {
            try await withKESAgent { agent, cluster in
                #expect(try agent.ask(HTTPRequest("PUT", "/v1/key/create/other")).status == 200)
                let keys = try [agent.makeDataKey(), agent.makeDataKey(), agent.makeDataKey("other")]
                let count = try way.purge(nil, at: agent)
                #expect(count == (way.isAnswered ? 3 : nil))
                #expect(try agent.cache["entries"].integer == 0)
                #expect(try agent.metrics.value("keyside_cache_evictions_total", ["reason": "purged"]) == 3)
                for key in keys { try expect(agent.ask(key.decrypt), opens: key, from: "miss") }
                for key in keys { try expect(agent.ask(key.decrypt), opens: key, from: "hit") }
                #expect(cluster.server.requestCount(.decrypt) == 3)
            }
        }

        @Test(arguments: Way.allCases.filter(\.isAnswered))
        func oneKeysDataKeysAreForgotten(way: Way) async throws {
            try await withKESAgent { agent, _ in
                #expect(try agent.ask(HTTPRequest("PUT", "/v1/key/create/my")).status == 200)
                let (key, other) = (try agent.makeDataKey(), try agent.makeDataKey("my"))
                #expect(try way.purge("unknown", at: agent) == 0)
                #expect(try way.purge("my-key", at: agent) == 1)
                #expect(try way.purge("my-key", at: agent) == 0)
                try expect(agent.ask(other.decrypt), opens: other, from: "hit")
                try expect(agent.ask(key.decrypt), opens: key, from: "miss")
            }
        }

        @Test func aSignalHasNoEffectWithoutACache() async throws {
            try await withKESAgent { setup, _ in
                setup.turnOffCache()
            } body: { agent, _ in
                try agent.signal(SIGUSR1)
                try agent.wait(for: "the signal to be taken") { try agent.log.contains("no cache to purge") }
                try expectService(by: agent)
            }
        }

        @Test(
            arguments: [
                "purge", "purge --key", "purge --key my-key --all", "purge my-key", "purge --all extra", "frobnicate",
                "stats extra",
            ]
        )
        func wrongUsageIs64(command: String) throws {
            let outcome = try Keyside.run(["cache"] + command.split(separator: " ").map(String.init))
            #expect(outcome.status == .exited(64))
            #expect(outcome.output.isEmpty && !outcome.error.isEmpty)
        }

        @Test(arguments: ["stats", "purge --all", "purge --key my-key"])
        func withoutAnAgentItIs69(command: String) throws {
            let words = ["cache"] + command.split(separator: " ").map(String.init)
            let outcome = try Keyside.run(words + ["--socket", "/nonexistent/keyside.sock"])
            #expect(outcome.status == .exited(69) && outcome.output.isEmpty)
        }

        @Test func aNameThatIsNoneIsRefused() async throws {
            try await withKESAgent { agent, _ in
                let outcome = try Keyside.run(["cache", "purge", "--key", "a.b", "--socket", agent.socketPath])
                #expect(outcome.status == .exited(1) && outcome.error.contains("a.b"), "\(outcome.error)")
                #expect(try agent.ask(HTTPRequest("DELETE", "/v1/keyside/cache/a.b")).status == 400)
                #expect(try agent.ask(HTTPRequest("POST", "/v1/keyside/cache")).status == 405)
                #expect(try agent.ask(.get("/v1/keyside/cache/my-key")).status == 405)
            }
        }

        @Test func whatTheCacheHasDoneIsTold() async throws {
            try await withKESAgent { agent, _ in
                let key = try agent.makeDataKey()
                for _ in 0..<3 { _ = try agent.ask(key.decrypt) }
                let stats = try Keyside.run(["cache", "stats", "--socket", agent.socketPath]).output
                for line in [
                    "entries: 1 of 65536", "expiry: any 5 min, unused 1 min, offline off", "hits: 3 (100.0 %)",
                    "misses: 0",
                ] {
                    #expect(stats.contains(line + "\n"), "\(stats)")
                }
                let json = try Keyside.run(["cache", "stats", "--output", "json", "--socket", agent.socketPath])
                #expect(try JSONValue(json.output) == agent.cache)
                #expect(try agent.ask(.get("/v1/status")).json["keyside"]["cache"] == agent.cache)
                let status = try Keyside.run(["status", "--socket", agent.socketPath]).output
                #expect(status.contains("1 of 65536, hits 100.0 %, any 5 min"), "\(status)")
            }
        }

        // MARK: Keys that come and go

        @Test func aKeyThatIsDeletedAndMadeAnewIsAnotherOne() async throws {
            try await withKESAgent { agent, cluster in
                let key = try agent.makeDataKey()
                try expect(agent.ask(key.decrypt), opens: key, from: "hit")
                #expect(try agent.ask(HTTPRequest("DELETE", "/v1/key/delete/my-key")).status == 200)
                expect(try agent.ask(key.decrypt), refuses: 404, "key does not exist")
                expect(try agent.ask(.generate()), refuses: 404, "key does not exist")
                // That it was not there a moment ago is no reason not to use it.
                #expect(try agent.ask(HTTPRequest("PUT", "/v1/key/create/my-key")).status == 200)
                let new = try agent.makeDataKey()
                try expect(agent.ask(new.decrypt), opens: new, from: "hit")
                expect(try agent.ask(key.decrypt), refuses: 400, "decryption failed: ciphertext is not authentic")
            }
        }

        /// It was done elsewhere, and the agent hears of it from a refusal.
        @Test func aKeyThatWasReplacedElsewhereIsFoundOut() async throws {
            try await withKESAgent { setup, _ in
                setup.expire(any: "1s", unused: "0")
            } body: { agent, cluster in
                let key = try agent.makeDataKey()
                try cluster.server.keys.put(try #require(KeyName("my-key")))
                try agent.wait(for: "the refusal") {
                    let answer = try agent.ask(key.decrypt)
                    if answer.status == 400 { return true }
                    expect(answer, opens: key, from: "hit")
                    return false
                }
                #expect(try agent.cache["entries"].integer == 0)
            }
        }

        /// For a second, which a burst may just not be within: then it costs two requests, and another one is looked at.
        @Test(arguments: [HTTPRequest.generate("none"), .decrypt("none", ciphertext: .random(76))])
        func aBurstForAKeyThatIsNotThereCostsOneRequest(request: HTTPRequest) async throws {
            try await withKESAgent { agent, cluster in
                let requestCount = { cluster.server.requestCount(.generateKey) + cluster.server.requestCount(.decrypt) }
                let connection = try agent.connect()
                try agent.wait(for: "a burst within a second") {
                    let before = requestCount()
                    for _ in 0..<50 { try connection.send(request) }
                    for _ in 0..<50 { expect(try connection.receiveAnswer(), refuses: 404, "key does not exist") }
                    return requestCount() == before + 1
                }
                let cache = try agent.cache
                #expect(try #require(cache["absent"].integer) >= 49)

                #expect(try agent.ask(HTTPRequest("PUT", "/v1/key/create/none")).status == 200)
                #expect(try agent.ask(.generate("none")).isDataKey)
                let key = try agent.makeDataKey("none")
                try expect(agent.ask(key.decrypt), opens: key, from: "hit")
            }
        }

        // MARK: Who asks

        /// The servers may not let somebody else open the same.
        @Test func aNewIdentityStartsWithNothing() async throws {
            try await withKESAgent { setup, cluster in
                setup.environment = cluster.environment(.certificate)
            } body: { agent, cluster in
                let authority = cluster.credentials.authority
                let key = try agent.makeDataKey()
                let renewed = try authority.issueClient(key: cluster.credentials.client.key)
                try FileReplacement.renamedOver.replace(renewed.files, in: cluster.folder)
                try agent.wait(for: "the renewed one") { try agent.metrics.reloads("upstream", "replaced") == 1 }
                try expect(agent.ask(key.decrypt), opens: key, from: "hit", "it is the same client")

                let other = try authority.issueClient()
                cluster.server.access[other.identity] = FakePolicy(allow: ["/v1/key/generate/*", "/v1/status"])
                try FileReplacement.renamedOver.replace(other.files, in: cluster.folder)
                try agent.wait(for: "the other") { try agent.metrics.reloads("upstream", "replaced") == 2 }
                try agent.wait(for: "its being somebody else") { try agent.cache["entries"].integer == 0 }
                expect(try agent.ask(key.decrypt), refuses: 403, "not authorized: insufficient permissions")

                cluster.server.access[other.identity] = .everything
                try expect(agent.ask(key.decrypt), opens: key, from: "miss")
                try expect(agent.ask(key.decrypt), opens: key, from: "hit")
            }
        }
    }
}
