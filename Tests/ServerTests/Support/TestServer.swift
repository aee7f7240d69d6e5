// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import LockedMemory
import Logging
import Synchronization

@testable import Server

/// A server on a real socket.
struct TestServer: Sendable {
    let path: String
    let server: HTTPServer
    let connections: ConnectionCount

    private static let serial = Atomic(0)

    /// Runs `body` with a server that is gone afterwards, whatever comes of it.
    static func run(
        _ front: ScriptedFront, limits: ServerLimits = .generous, connections: ConnectionCount? = nil,
        threads: Int = 1, faults: AllocationFaults? = nil, _ body: (TestServer) async throws -> Void
    ) async throws {
        try await self.run(
            front.fronts, observer: front, limits: limits, connections: connections, threads: threads, faults: faults,
            body)
    }

    static func run(
        _ fronts: FrontRouter, observer: any RequestObserver, limits: ServerLimits = .generous,
        connections: ConnectionCount? = nil, threads: Int = 1, faults: AllocationFaults? = nil,
        _ body: (TestServer) async throws -> Void
    ) async throws {
        let serial = Self.serial.wrappingAdd(1, ordering: .relaxed).newValue
        let path = "/tmp/keyside-server-test-\(getpid())-\(serial).sock"
        let socket = try SocketFile(at: SocketSettings(path: path, mode: 0o600))
        let connections = connections ?? ConnectionCount(limit: limits.connections)
        let server = try HTTPServer(
            listeners: [.unix(Linux.Descriptor(owning: socket.descriptor), connections: connections, fronts: fronts)],
            observer: observer, limits: limits,
            memory: SecretMemory(slotCount: 1, heapByteCountMax: 1 << 20, allowUnlocked: true, faults: faults),
            threadCount: threads,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let result: Result<Void, any Error>
        do {
            result = .success(
                try await body(TestServer(path: path, server: server, connections: connections)))
        } catch {
            result = .failure(error)
        }
        socket.removeName()
        unlink(path)  // If the body has replaced it.
        _ = await server.drain(within: .zero)
        server.stop()
        try result.get()
    }

    /// Removes the socket's file and has the server accept on a new socket of the same name.
    func replaceSocket() throws {
        unlink(self.path)
        let socket = try SocketFile(at: SocketSettings(path: self.path, mode: 0o600))
        self.server.replaceSocket(ofListener: 0, with: Linux.Descriptor(owning: socket.descriptor))
    }

    func client() throws -> RawClient { try RawClient(to: self.path) }

    /// Returns when at most so many connections are open.
    func waitForConnections(_ count: Int) async throws {
        while self.connections.current > count { try await self.turn() }
    }

    /// Returns when every loop has looked at its sockets, and done what came of it.
    func turn() async throws {
        for _ in 0..<4 {
            for loop in self.server.loops { await loop.turn() }
        }
    }
}
