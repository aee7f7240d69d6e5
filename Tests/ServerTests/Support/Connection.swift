// SPDX-License-Identifier: Apache-2.0

import Glibc
import Logging
import NIOCore
import NIOPosix
import Synchronization

@testable import Server

/// One connection without a listener: the handler on one end of a pair of sockets, a client on the other, and between
/// the handler and its socket somebody who keeps a reference to everything that passes.
struct Connection {
    let client: Client
    let traffic: Traffic
    let handler: WeakReference<ConnectionHandler>
    private let channel: any Channel

    /// - Parameter bytes: what the client has sent before the server's end is looked at for the first time.
    init(front: any Front, limits: ServerLimits = .generous, sending bytes: String = "") async throws {
        var descriptors: [CInt] = [0, 0]
        guard unsafe socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &descriptors) == 0 else {
            throw Client.Failure.cannotConnect(code: errno)
        }
        // So that a client need not leave much unread before the channel has to hold it.
        var sendBufferByteCount: CInt = 16 * 1024
        let optionByteCount = socklen_t(MemoryLayout<CInt>.size)
        unsafe setsockopt(descriptors[1], SOL_SOCKET, SO_SNDBUF, &sendBufferByteCount, optionByteCount)
        let traffic = Traffic()
        let handler = WeakReference<ConnectionHandler>()
        self.client = Client(descriptor: descriptors[0])
        try await self.client.send(bytes)
        self.traffic = traffic
        self.handler = handler
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(.autoRead, value: false)
            .withConnectedSocket(descriptors[1])
            .get()
        // The handler's clock starts just before the first look at the socket, so that what the client has sent is there
        // before a timer fires.
        try await channel.eventLoop
            .submit {
                let made = ConnectionHandler(
                    front: front, limits: limits, naming: RequestNaming(process: "p", connection: 1),
                    logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
                handler.value = made
                try channel.pipeline.syncOperations.addHandlers(TrafficRecorder(traffic), made)
                try channel.syncOptions?.setOption(.autoRead, value: true)
            }
            .get()
        self.channel = channel
    }

    /// Tells the connection to finish what it has.
    func drain() async throws {
        let channel = self.channel
        try await channel.eventLoop
            .submit {
                channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
            }
            .get()
    }

    /// Returns when the event loop has looked at its sockets, and done what came of it.
    func turn() async throws {
        for _ in 0..<4 { try await self.channel.eventLoop.submit {}.get() }
    }

    /// Returns when the timers that are due until then have fired.
    func outlastTimers(dueIn delay: TimeAmount) async throws {
        try await self.channel.eventLoop.scheduleTask(in: delay) {}.futureResult.get()
    }

    func waitUntilClosed() async throws {
        try await self.channel.closeFuture.get()
        try await self.turn()
    }
}

/// The buffers that passed, kept after everybody else has let go of them.
final class Traffic: Sendable {
    private let buffers = Mutex<(read: [ByteBuffer], written: [ByteBuffer])>(([], []))

    fileprivate func keepRead(_ buffer: ByteBuffer) { self.buffers.withLock { $0.read.append(buffer) } }
    fileprivate func keepWritten(_ buffer: ByteBuffer) { self.buffers.withLock { $0.written.append(buffer) } }

    var readByteCount: Int { self.buffers.withLock { $0.read.reduce(0) { $0 + $1.readableBytes } } }
    var writtenByteCount: Int { self.buffers.withLock { $0.written.reduce(0) { $0 + $1.readableBytes } } }

    var readIsWiped: Bool { self.buffers.withLock { $0.read.allSatisfy(\.isWiped) } }
    var writtenIsWiped: Bool { self.buffers.withLock { $0.written.allSatisfy(\.isWiped) } }
}

extension ByteBuffer {
    /// Whether all that was ever written to the storage is zero.
    var isWiped: Bool {
        unsafe self.withVeryUnsafeBytes { unsafe $0.prefix(self.writerIndex).allSatisfy { $0 == 0 } }
    }
}

private final class TrafficRecorder: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let traffic: Traffic

    init(_ traffic: Traffic) { self.traffic = traffic }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.traffic.keepRead(self.unwrapInboundIn(data))
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        self.traffic.keepWritten(self.unwrapOutboundIn(data))
        context.write(data, promise: promise)
    }
}

/// A reference that keeps nobody alive.
final class WeakReference<Object: AnyObject>: @unchecked Sendable {
    // Written once, before anybody else knows of it; the runtime makes reading safe.
    weak var value: Object?
}

extension ServerLimits {
    /// Nothing in a test takes so long.
    static let generous: ServerLimits = {
        var limits = ServerLimits(connections: 1000, headerTimeout: .hours(1), idleTimeout: .hours(1))
        limits.lingerTimeout = .hours(1)
        limits.drainGrace = .hours(1)
        return limits
    }()

    func with<Value>(_ path: WritableKeyPath<ServerLimits, Value>, _ value: Value) -> ServerLimits {
        var limits = self
        limits[keyPath: path] = value
        return limits
    }
}
