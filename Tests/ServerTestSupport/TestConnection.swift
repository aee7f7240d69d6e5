// SPDX-License-Identifier: Apache-2.0

import Glibc
package import Linux
import Logging
import Synchronization
import TestSupport

@testable package import HTTPServer
@testable package import LockedMemory

/// One connection without a listener: a loop of its own on one end of a pair of sockets, a client on the other, and
/// between them buffers in memory that nobody else uses.
package struct TestConnection {
    package let client: RawClient
    private let server: OneLoop
    /// What the loop has before it has clients.
    private let buffersOfLoop: Int

    private var inbox: LoopInbox { self.server.inbox }
    private var memory: SecretMemory { self.server.memory }

    /// - Parameter bytes: what the client has sent before the server's end is looked at for the first time.
    package init(
        fronts: FrontRouter, observer: any RequestObserver, limits: ServerLimits = .generous, sending bytes: String = ""
    ) async throws {
        var descriptors: [CInt] = [0, 0]
        guard unsafe socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &descriptors) == 0 else {
            throw RawClient.Failure.cannotConnect(code: errno)
        }
        // So that a client need not leave much unread before the server has to hold it.
        var sendBufferByteCount: CInt = 16 * 1024
        let optionByteCount = socklen_t(MemoryLayout<CInt>.size)
        unsafe setsockopt(descriptors[1], SOL_SOCKET, SO_SNDBUF, &sendBufferByteCount, optionByteCount)
        let server = try OneLoop(fronts: fronts, observer: observer, limits: limits)
        self.server = server
        self.client = RawClient(descriptor: descriptors[0], keeping: server)
        try await self.client.send(bytes)
        await server.inbox.turn()
        self.buffersOfLoop = server.memory.transitBlocksInUse
        server.inbox.willAdopt()
        server.inbox.post(.adopt(descriptors[1], .admitted(serial: nil, dropped: nil), listener: server.listener))
    }

    /// Tells the connection to finish what it has.
    package func drain() async throws {
        self.inbox.post(.drain)
        try await self.turn()
    }

    /// Returns when the loop has looked at its sockets, and done what came of it.
    package func turn() async throws {
        for _ in 0..<4 { await self.inbox.turn() }
    }

    /// Returns when the deadlines until then have been looked at.
    package func outlastTimers(dueIn delay: Interval) async throws {
        let end = Instant.now() + delay
        while Instant.now() < end { await self.inbox.turn() }
        try await self.turn()
    }

    package func waitUntilClosed() async throws {
        _ = await self.inbox.end(by: .distantFuture)
        try await self.turn()
    }

    // MARK: Memory

    /// Whether `text` stands anywhere in the memory of the connection's buffers, in use or not.
    package func holds(_ text: String) -> Bool {
        MemoryShare.allCases.contains { self.memory.heap($0).holds(Array(text.utf8)) }
    }

    /// Buffers that the connection has not given back. Those of the loop are given back too where they had to grow.
    package var buffersInUse: Int { max(0, self.memory.transitBlocksInUse - self.buffersOfLoop) }

    /// Whether the connection gives all its buffers back, with time for the task that made an answer to hand it over.
    package func givesBuffersBack() async throws -> Bool {
        for _ in 0..<10_000 where self.buffersInUse > 0 { try await self.turn() }
        return self.buffersInUse == 0
    }
}

/// A loop on a thread of its own.
private final class OneLoop: Sendable {
    package let inbox: LoopInbox
    package let memory: SecretMemory
    /// Of the kind that the connections are of; its own socket is never looked at.
    package let listener: Listener
    private let thread: DedicatedThread

    package init(fronts: FrontRouter, observer: any RequestObserver, limits: ServerLimits) throws {
        let memory = try SecretMemory(slotCount: 1, heapByteCountMax: 1 << 20, allowUnlocked: true)
        let inbox = try LoopInbox()
        let context = ServerLoop.ServerContext(
            observer: observer, limits: limits, requestIDs: RequestIDGenerators(process: 7),
            memory: memory,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        self.listener = .unix(Linux.Descriptor(owning: -1), connections: ConnectionCount(limit: 1), fronts: fronts)
        self.memory = memory
        self.inbox = inbox
        self.thread = try DedicatedThread(name: "test-connection") {
            var loop = ServerLoop(context, inbox: inbox)
            loop.run()
        }
    }

    deinit {
        self.inbox.post(.stop)
        self.thread.join()
    }
}

extension SecretMemory {
    /// Buffers for bytes on their way, of every length.
    package var transitBlocksInUse: Int {
        self.heap(.transit).blocksInUse + self.heap(.smallTransit).blocksInUse
    }
}

extension LockedHeap {
    package func holds(_ bytes: [UInt8]) -> Bool {
        self.state.withLock { state in
            var rest = unsafe UnsafeRawBufferPointer(state.region.bytes)
            while let start = rest.baseAddress, rest.count >= bytes.count {
                guard let found = unsafe memchr(start, CInt(bytes[0]), rest.count) else { break }
                unsafe rest = UnsafeRawBufferPointer(
                    rebasing: rest.dropFirst(unsafe UnsafeRawPointer(found) - start))
                if unsafe rest.starts(with: bytes) { return true }
                unsafe rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst())
            }
            return false
        }
    }
}

extension ServerLimits {
    /// Nothing in a test takes so long.
    package static let generous: ServerLimits = {
        var limits = ServerLimits(connections: 1000, headerTimeout: .hours(1), idleTimeout: .hours(1))
        limits.lingerTimeout = .hours(1)
        limits.drainGrace = .hours(1)
        return limits
    }()

    package func with<Value>(_ path: WritableKeyPath<ServerLimits, Value>, _ value: Value) -> ServerLimits {
        var limits = self
        limits[keyPath: path] = value
        return limits
    }
}
