// SPDX-License-Identifier: Apache-2.0

import KESProtocol
package import KeyService
import LockedMemory
import NIOCore
package import NIOPosix
import Synchronization
import TestSupport

/// A KES server for tests: the true API over real mutual TLS, with HTTP/1.1 and HTTP/2, real ciphertexts, policies, and
/// faults on demand.
///
///     let server = try await FakeKES.start()
///     server.faults.set(.hold, on: [.decrypt])
///     … have an agent ask for three data keys …
///     try await server.wait(for: "three requests") { $0.heldCount == 3 }
///     server.release()
///     await server.stop()
///
/// A new server has the key `my-key` of the published vectors (bytes 00 to 1f), and lets two clients do everything: the
/// owner of ``client``, who is the administrator, and the owner of ``apiKey``.
package final class FakeKES: Sendable {
    package struct Setup: Sendable {
        /// Port 0: any that is free.
        package var host = "127.0.0.1"
        package var port = 0
        package var connectionFaults = ConnectionFaults()
        /// How many names a page of a listing has; nil: all there are, as from KES's key store in memory.
        package var listingPageSize: Int? = 1024
        /// Nil: all are made.
        package var credentials: Credentials?
        /// Nil: the one that the process shares.
        package var group: MultiThreadedEventLoopGroup?

        package init() {}
    }

    package static let knownKeyName = "my-key"
    package static let knownKey = [UInt8](0x00...0x1f)

    /// `https://127.0.0.1:PORT`
    package let endpoint: String
    package let credentials: Credentials
    private let setup: Setup
    private let port: Int
    let group: MultiThreadedEventLoopGroup
    private let state: ServerState
    private let listener: Mutex<(any Channel)?>

    /// Starts a server that listens by the time this returns.
    package static func start(_ setup: Setup = Setup()) async throws -> FakeKES {
        let credentials = try setup.credentials ?? Credentials()
        let keys = KeyStore(memory: try Self.memory.get())
        if let name = KeyName(Self.knownKeyName) { try keys.put(name, bytes: Self.knownKey) }
        let state = ServerState(
            responder: KESResponder(keys: keys, listingPageSize: setup.listingPageSize),
            tls: ServerTLS(authority: credentials.authority, pair: credentials.server),
            connectionFaults: setup.connectionFaults)
        state.responder.access.admin = credentials.client.identity
        state.responder.access[credentials.apiKey.identity] = .everything
        let listener = try await Self.listen(setup.host, setup.port, setup.group ?? .singleton, state)
        return FakeKES(setup, credentials, state, listener, port: listener.localAddress?.port ?? setup.port)
    }

    /// For all servers of a process: each would lock as much as an agent.
    private static let memory = Result {
        SharedMemory.giveToOpenSSL()
        return try SecretMemory(slotCount: 16_384, allowUnlocked: true)
    }

    private init(
        _ setup: Setup, _ credentials: Credentials, _ state: ServerState, _ listener: any Channel, port: Int
    ) {
        self.setup = setup
        self.group = setup.group ?? .singleton
        self.credentials = credentials
        self.state = state
        self.port = port
        self.listener = Mutex(listener)
        let host = setup.host.contains(":") ? "[\(setup.host)]" : setup.host
        self.endpoint = "https://\(host):\(port)"
    }

    private static func listen(
        _ host: String, _ port: Int, _ group: MultiThreadedEventLoopGroup, _ state: ServerState
    ) async throws -> any Channel {
        try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.maxMessagesPerRead, value: 64)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try Entrance.admit(channel, to: state) }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .bind(host: host, port: port)
            .get()
    }

    // MARK: What a test may change

    package var keys: KeyStore { self.state.responder.keys }
    package var access: AccessRules { self.state.responder.access }
    package var faults: FaultPlan { self.state.faults }

    package var connectionFaults: ConnectionFaults {
        get { self.state.connectionFaults }
        set { self.state.connectionFaults = newValue }
    }

    /// Faults and door together.
    package var disturbances: Disturbances {
        get { Disturbances(rules: self.faults.rules, connectionFaults: self.connectionFaults) }
        set {
            self.faults.set(newValue.rules)
            self.connectionFaults = newValue.connectionFaults
        }
    }

    /// No TLS session of before can be resumed, as when KES reads its configuration again.
    package func forgetSessions() { self.state.tls.forgetSessions() }

    /// Sends the answers that are held.
    package func release() { self.state.journal.release() }

    /// Ends every open connection in good order: GOAWAY, or the end after the answer in work.
    package func drainConnections() {
        for channel in self.state.journal.channels {
            channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        }
    }

    /// Resets every connection, soon.
    package func resetConnections() {
        for channel in self.state.sockets.all { channel.eventLoop.execute { Wire.reset(channel) } }
    }

    /// Listens no more and resets every connection, as a machine that dies. The port stays its own as long as nobody
    /// else takes it.
    package func goDown() async {
        let listener = self.listener.withLock { listener in
            defer { listener = nil }
            return listener
        }
        try? await listener?.close().get()  // It fails where it is closed already.
        self.resetConnections()
        for channel in self.state.sockets.all { try? await channel.closeFuture.get() }
    }

    /// Listens again, on the same port.
    package func comeBack() async throws {
        let listener = try await Self.listen(self.setup.host, self.port, self.group, self.state)
        self.listener.withLock { $0 = listener }
    }

    package func stop() async { await self.goDown() }

    // MARK: What it has seen

    package var snapshot: Journal.Snapshot { self.state.journal.snapshot }

    /// Those that are open and have shaken hands.
    package var openConnections: [ConnectionReport] { self.snapshot.openConnections }

    /// Requests that have come in whole, whatever became of them.
    package func requestCount(_ endpoint: Operation) -> Int { self.snapshot.requestCounts[endpoint] ?? 0 }

    /// Waits until the server has seen what `condition` asks for, looking whenever something happens.
    ///
    /// - Throws: `.timedOut` after a minute.
    package func wait(
        for event: String, _ condition: @escaping @Sendable (Journal.Snapshot) -> Bool
    ) async throws {
        try await self.state.journal.wait(for: event, on: self.group.next(), condition)
    }
}
