// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
package import LockedMemory
import Logging
import Synchronization

@testable package import HTTPServer

/// A server on a real socket.
package struct TestServer: Sendable {
    package let path: String
    package let server: Server
    package let connections: ConnectionCount

    private static let serial = Atomic(0)

    /// Runs `body` with a server that is gone afterwards, whatever comes of it.
    package static func run(
        _ fronts: FrontRouter, observer: any RequestObserver, limits: ServerLimits = .generous,
        connections: ConnectionCount? = nil, threads: Int = 1, faults: AllocationFaults? = nil,
        _ body: (TestServer) async throws -> Void
    ) async throws {
        let serial = Self.serial.wrappingAdd(1, ordering: .relaxed).newValue
        let path = "/tmp/keyside-server-test-\(getpid())-\(serial).sock"
        let socket = try SocketFile(at: SocketSettings(path: path, mode: 0o600))
        let connections = connections ?? ConnectionCount(limit: limits.connections)
        let server = try Server(
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
    package func replaceSocket() throws {
        unlink(self.path)
        let socket = try SocketFile(at: SocketSettings(path: self.path, mode: 0o600))
        self.server.replaceSocket(ofListener: 0, with: Linux.Descriptor(owning: socket.descriptor))
    }

    package func client() throws -> RawClient { try RawClient(to: self.path) }

    /// Returns when at most so many connections are open.
    package func waitForConnections(_ count: Int) async throws {
        while self.connections.current > count { try await self.turn() }
    }

    /// Returns when every loop has looked at its sockets, and done what came of it.
    package func turn() async throws {
        for _ in 0..<4 {
            for loop in self.server.loops { await loop.turn() }
        }
    }
}
