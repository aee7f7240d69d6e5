// SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

/// Clients that try to use up the memory that the agent may lock: 8 MiB, as Debian limits an ordinary user.
@Suite(.serialized, .enabled(if: Account.isRoot, "needs root to become nobody"), .timeLimit(.minutes(5)))
struct LockedMemoryAttackTests {
    @Test("Idle TLS connections take nothing from requests to key servers")
    func idleConnections() async throws {
        try await withScene { scene in
            let idle = try (0..<330).map { _ in try scene.tls.connectHTTP2() }
            try await scene.expectDataKeys(clientCount: 20)
            for connection in idle { connection.close() }
        }
    }

    @Test("A thousand TLS connections leave nothing behind")
    func connectionsThatHaveEnded() async throws {
        try await withScene { scene in
            let before = try scene.lockedMemoryUsed()
            for _ in 0..<10 {
                let connections = try (0..<100).map { _ in try scene.tls.connectHTTP2() }
                for connection in connections { connection.close() }
            }
            try scene.tls.wait(forConnections: 0)
            try await scene.expectDataKeys(clientCount: 20)
            try scene.tls.agent.wait(for: "the memory of clients to be free") {
                try scene.lockedMemoryUsed("tls_connections") <= before + 64 * 1024
            }
        }
    }

    @Test("Requests of many lengths are all answered", arguments: [(32, 64 * 1024), (2, 200 * 1024)])
    func mixedRequests(clientCount: Int, byteCountMax: Int) async throws {
        try await withScene { scene in
            try await concurrently(clientCount) { client in
                var generator = SeededGenerator(seed: UInt64(client))
                let connection = try scene.tls.agent.connect()
                for _ in 0..<2 {
                    let plaintext = generator.bytes(Int.random(in: 1...byteCountMax, using: &generator))
                    let encrypted = try connection.ask(.encrypt(plaintext: plaintext))
                    guard let ciphertext = encrypted.bytes("ciphertext") else {
                        throw TestFailure.malformed("encrypt: \(encrypted.status) \(encrypted.text.prefix(200))")
                    }
                    let opened = try connection.ask(.decrypt(ciphertext: ciphertext))
                    #expect(opened.status == 200 && opened.bytes("plaintext") == plaintext)
                }
            }
        }
    }

    @Test("Answers that nobody reads keep nobody from anything")
    func unreadAnswers() async throws {
        try await withScene { scene in
            let slow = try (0..<10).map { _ in try scene.tls.agent.connect() }
            let request = HTTPRequest.encrypt(plaintext: [UInt8](repeating: 7, count: 200 * 1024))
            for (index, connection) in slow.enumerated() {
                try connection.send([request])
                try scene.tls.agent.wait(for: "answer \(index + 1)") { try scene.encryptions() == index + 1 }
            }
            try await scene.expectDataKeys(clientCount: 20)
            for way in Way.tls {
                #expect(try scene.tls.connect(by: way, as: scene.files.client).ask(.generate()).isDataKey)
            }
            try FileReplacement.renamedOver.replace(
                TLSFiles.files(try scene.files.authority.issueServer()), in: scene.files.folder)
            try scene.tls.agent.wait(for: "the new certificate") {
                try scene.tls.agent.metrics.reloads("listener", "replaced") == 1
            }
            for connection in slow { connection.close() }
        }
    }
}

/// An agent that may lock 8 MiB, without a cache, on a cluster of two.
private struct Scene: Sendable {
    let tls: TLSAgent
    let files: TLSFiles

    /// Bytes in use of a share, or of all shares.
    func lockedMemoryUsed(_ share: String? = nil) throws -> Double {
        let metrics = try self.tls.agent.metrics
        let shares = share.map { [$0] } ?? ["agent", "requests", "tls_connections", "tls_records"]
        return shares.reduce(0) { $0 + (metrics.value("keyside_locked_memory_used_bytes", ["share": $1]) ?? 0) }
    }

    func encryptions() throws -> Int {
        let labels = ["operation": "encrypt", "status": "200", "listener": "unix"]
        return Int(try self.tls.agent.metrics.value("keyside_requests_total", labels) ?? 0)
    }

    /// Has as many clients each make some data keys, all at the same time.
    func expectDataKeys(clientCount: Int) async throws {
        try await concurrently(clientCount) { _ in
            let connection = try self.tls.agent.connect()
            for _ in 0..<3 {
                let answer = try connection.ask(.generate())
                guard answer.isDataKey else { throw TestFailure.malformed("\(answer.status) \(answer.text)") }
            }
        }
    }
}

private func withScene(_ body: (Scene) async throws -> Void) async throws {
    try RawConnection.allowThousands()
    let files = try TLSFiles()
    try await withKESAgent(servers: 2) { setup, _ in
        setup.arguments = files.arguments()
        setup.account = .nobody
        setup.lockedMemoryMax = 8 << 20
        setup.environment["KEYSIDE_CACHE_EXPIRY_ANY"] = "1ms"
        // The servers share this process with the clients.
        setup.environment["KEYSIDE_UPSTREAM_TIMEOUT"] = "60s"
        setup.environment["KEYSIDE_UPSTREAM_CONNECT_TIMEOUT"] = "30s"
    } body: { agent, _ in
        let scene = Scene(tls: try TLSAgent(agent, trusting: files.authority.certificate), files: files)
        try await body(scene)
        #expect(try agent.metrics.value("keyside_refused_allocations_total") == 0)
        let log = try agent.log
        for complaint in ["marked down", "malloc failure", "internal error"] {
            #expect(!log.contains(complaint), "\(log)")
        }
    }
}

/// Runs bodies that block at the same time, on the cluster's threads.
private func concurrently(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) async throws {
    try await withThrowingTaskGroup { group in
        for index in 0..<count { group.addTask { try body(index) } }
        try await group.waitForAll()
    }
}
