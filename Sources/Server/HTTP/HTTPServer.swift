// SPDX-License-Identifier: Apache-2.0

import Linux
package import Logging
package import NIOCore
package import NIOPosix
import Synchronization
import Telemetry

/// Serves one front on one listening socket.
package final class HTTPServer: Sendable {
    private let listener: any Channel
    private let registry: ConnectionRegistry
    /// The listener's, for as long as that is open.
    private let descriptor: CInt
    private let group: MultiThreadedEventLoopGroup

    /// Takes connections from `descriptor`, which listens already and is the server's from now on.
    ///
    /// - Parameters:
    ///   - connections: counts them, and says how many there may be.
    package init(
        descriptor: CInt, front: any Front, limits: ServerLimits, connections: ConnectionCount,
        group: MultiThreadedEventLoopGroup, logger: Logger
    ) async throws {
        let registry = ConnectionRegistry()
        let process = String(UInt64.random(in: 1 << 60 ... .max), radix: 16)  // 16 digits
        let serial = ConnectionSerial()
        self.registry = registry
        self.descriptor = descriptor
        self.group = group
        self.listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.maxMessagesPerRead, value: 64)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard connections.admit() else {
                        try channel.pipeline.syncOperations.addHandler(
                            ConnectionRefusal(front: front, lingerTimeout: limits.lingerTimeout))
                        return
                    }
                    channel.closeFuture.whenComplete { _ in connections.leave() }
                    let naming = RequestNaming(process: process, connection: serial.next())
                    try channel.pipeline.syncOperations.addHandler(
                        ConnectionHandler(front: front, limits: limits, naming: naming, logger: logger))
                    registry.add(channel)
                }
            }
            // A client may shut down its side and still wait for its answer.
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            // A second read in a row finds nothing, as a rule: the client waits for its answer.
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .withBoundSocket(descriptor)
            .get()
        SocketFile.widenQueue(of: descriptor)  // NIO has made it 128.
    }

    /// Takes no new connections, lets the open ones finish what they have, and closes what is left after `timeout`.
    ///
    /// - Parameter begun: called when every connection knows: whatever comes in from then on is answered with
    ///   `Connection: close`.
    /// - Returns: how many connections had to be cut off.
    package func drain(within timeout: TimeAmount, begun: () -> Void = {}) async -> Int {
        await self.takeWhatHasCome()
        try? await self.listener.close()  // It fails only if it is closed already.
        let registry = self.registry
        let whenEmpty = registry.drain(on: self.listener.eventLoop)
        await self.eventLoopsTurn()
        begun()
        let cutOff = Counter()
        let deadline = self.listener.eventLoop.scheduleTask(in: timeout) { cutOff.add(registry.closeAll()) }
        try? await whenEmpty.get()  // It cannot fail: nobody fails the promise.
        deadline.cancel()
        return cutOff.current
    }

    /// Lets connections that came before the drain reach their event loops: a listener that closes drops those that it
    /// has accepted and not handed over, and the kernel those that it has not accepted.
    private func takeWhatHasCome() async {
        var roundsLeft = 100  // Clients may come faster than they are taken.
        while self.listener.isActive, SocketFile.hasWaitingConnection(self.descriptor), roundsLeft > 0 {
            await self.eventLoopsTurn()
            roundsLeft -= 1
        }
        // One turn to end the accepting, one to set up what was accepted, one to hand it over.
        for _ in 0..<3 { await self.eventLoopsTurn() }
    }

    private func eventLoopsTurn() async {
        for eventLoop in self.group.makeIterator() { try? await eventLoop.submit {}.get() }
    }

    /// Closes every connection at once. A drain under way then ends.
    package func cutOff() { _ = self.registry.closeAll() }
}

/// Numbers connections.
private final class ConnectionSerial: Sendable {
    private let last = Atomic<Int>(0)

    func next() -> Int { self.last.wrappingAdd(1, ordering: .relaxed).newValue }
}
