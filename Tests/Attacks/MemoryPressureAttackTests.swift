// SPDX-License-Identifier: Apache-2.0

import FakeKES
import KESProtocol
import KeyService
import TestSupport
import Testing

/// Clients that ask for more at a time than there is locked memory for: 8 MiB, the default of many distributions.
@Suite(.timeLimit(.minutes(5))) struct MemoryPressureAttackTests {
    @Test("many clients with requests of all sizes wait for their turn, and all get their answers")
    func mixedRequests() async throws {
        try await Self.withSmallAgent { agent, cluster in
            try await Self.withClients(32) { client in
                let connection = try agent.connect()
                for round in 0..<2 {
                    try Self.encryptAndDecrypt([1, 700, 9000, 48_000][(client + round) % 4], on: connection)
                }
            }
            try Self.expectNoFault(agent, cluster)
        }
    }

    /// Together they need six times the memory that there is for long requests.
    @Test("many clients with long requests wait for their turn, and all get their answers")
    func longRequests() async throws {
        try await Self.withSmallAgent { agent, cluster in
            try await Self.withClients(16) { client in
                try Self.encryptAndDecrypt(60_000 + client * 4000, on: try agent.connect())
            }
            try Self.expectNoFault(agent, cluster)
        }
    }

    @Test("the largest request that KES takes is served")
    func largestRequest() async throws {
        try await Self.withSmallAgent { agent, cluster in
            // The answer fits only where the request no longer holds its body: the first attempt has to succeed.
            for _ in 0..<3 { try Self.encryptAndDecrypt(749_000, on: try agent.connect()) }
            let givenUp = try agent.metrics.value(
                "keyside_upstream_requests_total",
                ["endpoint": cluster.server.endpoint, "operation": "decrypt", "outcome": "given_up"])
            #expect(givenUp == nil)
            try Self.expectNoFault(agent, cluster)
        }
    }

    @Test("clients that do not read their long answers keep nobody from a data key")
    func slowReaders() async throws {
        try await Self.withSmallAgent { agent, cluster in
            var slow: [RawConnection] = []
            for _ in 0..<10 {
                let connection = try agent.connect()
                try connection.send([.encrypt(plaintext: [UInt8](repeating: 7, count: 200_000))])
                slow.append(connection)
            }
            let connection = try agent.connect()
            for _ in 0..<20 { #expect(try connection.ask(.generate()).isDataKey) }
            _ = try RawConnection.waitForInput(on: slow, atLeast: slow.count)
            for _ in 0..<20 { #expect(try connection.ask(.generate()).isDataKey) }
            try Self.encryptAndDecrypt(200_000, on: try agent.connect())
            for connection in slow { #expect(try connection.receiveAnswer().status == 200) }
            try Self.expectNoFault(agent, cluster)
        }
    }

    @Test("a thousand callers of one data key that is not cached all get it")
    func callersOfOneDataKey() async throws {
        try await Self.withSmallAgent { agent, cluster in
            let ciphertext = try #require(try cluster.askDirectly(.generate()).bytes("ciphertext"))
            cluster.server.faults.set(.hold, on: [.decrypt])
            let connections = try (0..<1000).map { _ in try agent.connect() }
            for connection in connections { try connection.send([.decrypt(ciphertext: ciphertext)]) }
            try await cluster.server.wait(for: "the question") { $0.heldCount == 1 }
            cluster.server.faults.set([])
            cluster.server.release()
            for connection in connections { #expect(try connection.receiveAnswer().status == 200) }
            try Self.expectNoFault(agent, cluster)
        }
    }

    // MARK: Support

    /// An agent that may lock 8 MiB, in front of one server.
    private static func withSmallAgent(_ body: (AgentProcess, KESCluster) async throws -> Void) async throws {
        try await withKESAgent { setup, _ in
            setup.lockedMemoryMax = 8 << 20
            setup.environment["KEYSIDE_LIMITS_CONNECTIONS"] = "2048"
            // A busy machine that runs debug builds must not look like a key server that is down.
            setup.environment["KEYSIDE_UPSTREAM_CONNECT_TIMEOUT"] = "30s"
            if Account.isRoot { setup.account = .nobody }
        } body: { agent, cluster in
            try RawConnection.allowThousands()
            try await body(agent, cluster)
        }
    }

    /// Runs clients concurrently.
    private static func withClients(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for client in 0..<count { group.addTask { try body(client) } }
            try await group.waitForAll()
        }
    }

    private static func encryptAndDecrypt(_ byteCount: Int, on connection: RawConnection) throws {
        let plaintext = [UInt8].random(byteCount)
        let encrypted = try connection.ask(.encrypt(plaintext: plaintext))
        #expect(encrypted.status == 200, "encrypt \(byteCount): \(encrypted.text.prefix(200))")
        guard let ciphertext = encrypted.bytes("ciphertext") else { return }
        let decrypted = try connection.ask(.decrypt(ciphertext: ciphertext))
        #expect(decrypted.status == 200, "decrypt \(byteCount): \(decrypted.text.prefix(200))")
        #expect(decrypted.bytes("plaintext") == plaintext)
    }

    /// A lack of the agent's own is no fault of the key server.
    private static func expectNoFault(_ agent: AgentProcess, _ cluster: KESCluster) throws {
        #expect(try agent.metrics.isUp(cluster.server) == true)
        let log = try agent.log
        #expect(!log.contains("marked down"), "\(log)")
    }
}
