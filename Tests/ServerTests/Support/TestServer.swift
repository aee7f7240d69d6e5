// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import Logging
import NIOCore
import NIOPosix
import Synchronization

@testable import Server

/// A server on a real socket.
struct TestServer: Sendable {
    let path: String
    let server: HTTPServer
    let connections: ConnectionCount
    let group: MultiThreadedEventLoopGroup

    private static let serial = Atomic(0)

    /// Runs `body` with a server that is gone afterwards, whatever comes of it.
    static func run(
        _ front: any Front, limits: ServerLimits = .generous, connections: ConnectionCount? = nil, threads: Int = 1,
        _ body: (TestServer) async throws -> Void
    ) async throws {
        let serial = Self.serial.wrappingAdd(1, ordering: .relaxed).newValue
        let path = "/tmp/keyside-server-test-\(getpid())-\(serial).sock"
        let socket = try SocketFile(at: SocketPlace(path: path, mode: 0o600))
        let connections = connections ?? ConnectionCount(limit: limits.connections)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        let server = try await HTTPServer(
            descriptor: socket.descriptor, front: front, limits: limits, connections: connections, group: group,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let result: Result<Void, any Error>
        do {
            result = .success(
                try await body(TestServer(path: path, server: server, connections: connections, group: group)))
        } catch {
            result = .failure(error)
        }
        socket.removeName()
        _ = await server.drain(within: .zero)
        try await group.shutdownGracefully()
        try result.get()
    }

    func client() throws -> Client { try Client(to: self.path) }

    /// Returns when every event loop has looked at its sockets, and done what came of it.
    func turn() async throws {
        for _ in 0..<4 {
            for loop in self.group.makeIterator() { try await loop.submit {}.get() }
        }
    }
}
