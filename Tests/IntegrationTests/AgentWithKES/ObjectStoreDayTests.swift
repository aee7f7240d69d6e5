// SPDX-License-Identifier: Apache-2.0

import FakeKES
import Glibc
import KESProtocol
import KeyService
import TestSupport
import Testing

extension AgentWithKESTests {
    /// A day of an object store that nobody has changed: it comes by HTTP/2 over TLS, with the rules that `keyside tls init`
    /// writes for it.
    @Suite struct ObjectStoreDayTests {
        private static let key = "store-key"
        private static let names = (1...8).map { "object-\($0)" }

        @Test func aDay() async throws {
            try await withCluster { cluster in
                let guide = try Guide()
                var setup = AgentSetup()
                setup.environment = cluster.environment()
                setup.environment["KEYSIDE_UPSTREAM_CONNECT_TIMEOUT"] = "500ms"
                setup.expire(any: "1h", unused: "0")

                let morning = try guide.start(setup, on: "127.0.0.1:0")
                let store = ObjectStore(StoreClient(morning, as: guide.client.pair), key: Self.key)
                try Self.work(store, cluster)
                try Self.stop(morning, beside: store)

                // The same address, as an object store is not told of another; nothing is left in the cache.
                let noon = try guide.start(setup, on: "127.0.0.1:\(morning.port)")
                try Self.workOn(store, cluster)
                try Self.stop(noon, beside: store)

                setup.expire(any: "1s", unused: "0", offline: "1h")
                let evening = try guide.start(setup, on: "127.0.0.1:\(morning.port)")
                try await Self.outlast(store, cluster, evening)
                #expect(store.client.connectionCount == 3, "one to each agent")
            }
        }

        /// Whatever was written is read without the key server.
        private static func work(_ store: ObjectStore, _ cluster: KESCluster) throws {
            try store.start()
            #expect(cluster.server.requestCount(.createKey) == 1)
            for name in Self.names { try store.put("bucket", name) }
            #expect(try store.tick() == [200, 200, 200])
            for name in Self.names { try store.get("bucket", name, from: ["hit"]) }
            try store.list(from: ["hit"])
            #expect(try store.listKeys().json["names"] == .array([.string(Self.key)]))
            #expect(try store.tick() == [200, 200, 200])
            #expect(cluster.server.requestCount(.generateKey) == store.generateCount)
            #expect(cluster.server.requestCount(.decrypt) == 0)
            #expect(store.client.connectionCount == 1)
        }

        /// Stops an agent, which its client only finds out by asking.
        private static func stop(_ listener: TLSAgent, beside store: ObjectStore) throws {
            try listener.agent.signal(SIGTERM)
            #expect(try listener.agent.waitForExit() == .exited(0))
            #expect(throws: TestFailure.self) { try store.tick() }
        }

        /// Every object is asked for once, however often it is read.
        private static func workOn(_ store: ObjectStore, _ cluster: KESCluster) throws {
            try store.list(from: ["miss", "hit"])
            for name in Self.names { try store.get("bucket", name, from: ["hit"]) }
            try store.put("bucket", "another")
            #expect(try store.tick() == [200, 200, 200])
            #expect(cluster.server.requestCount(.decrypt) == store.objectCount - 1)
        }

        /// Without key servers what was read before can be read, and nothing can be written.
        private static func outlast(
            _ store: ObjectStore, _ cluster: KESCluster, _ listener: TLSAgent
        ) async throws {
            try store.list(from: ["miss", "hit", "coalesced"])
            await cluster.server.goDown()
            try listener.agent.wait(for: "expired data keys") {
                try store.list(from: ["hit", "stale"]) == ["stale"]
            }
            for name in Self.names { try store.get("bucket", name, from: ["stale"]) }
            #expect(try store.tick() == [502, 200, 502])
            expect(try store.generate(context: "{}"), refuses: 502, "failed to read key")
            expect(try store.listKeys(), refuses: 502, "failed to list keys")

            try await cluster.server.comeBack()
            try listener.agent.wait(for: "the key server") { try store.tick() == [200, 200, 200] }
            try store.put("bucket", "one more", reading: ["hit", "miss", "coalesced"])
            try store.list(from: ["hit", "miss", "coalesced", "stale"])
        }
    }
}

/// What `keyside tls init` has made and said.
private struct Guide {
    let client: TestAPIKey
    private let folder: TemporaryDirectory
    private let authority: String
    private let settings: String

    init() throws {
        self.folder = try TemporaryDirectory()
        let made = try Keyside.run(["tls", "init", self.folder("tls"), "--output", "json"])
        self.settings = try #require(try JSONValue(made.output)["settings"].string)
        self.client = try TestAPIKey(text: String(try text(of: self.folder("tls/client.apikey")).dropLast()))
        self.authority = try text(of: self.folder("tls/ca.crt"))
    }

    /// Starts an agent as the guide says, but for the address.
    func start(_ setup: AgentSetup, on address: String) throws -> TLSAgent {
        var setup = setup
        let settings = self.settings.replacing("127.0.0.1:7373", with: address)
        setup.arguments = ["--config", try self.folder.write(settings, to: "config.yaml")]
        return try TLSAgent(try AgentProcess(setup), trusting: self.authority)
    }
}
