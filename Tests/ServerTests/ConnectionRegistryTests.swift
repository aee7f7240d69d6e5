// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore
import NIOPosix
import Testing

@testable import Server

/// Who is told to finish, and when the last has gone.
@Suite(.timeLimit(.minutes(1))) struct ConnectionRegistryTests {
    private let registry = ConnectionRegistry()
    private let journal = Journal()
    private let eventLoop = MultiThreadedEventLoopGroup.singleton.next()

    @Test func nobodyHasGoneAtOnce() async throws {
        try await self.registry.drain(on: self.eventLoop).get()
        #expect(self.registry.closeAll() == 0)
    }

    @Test func everybodyIsToldToFinishOnce() async throws {
        let channels = [try await self.makeChannel(), try await self.makeChannel()]
        for channel in channels { self.registry.add(channel) }
        let whenEmpty = self.registry.drain(on: self.eventLoop)
        await self.journal.wait(for: "told to finish", times: 2)
        try await channels[0].close()
        try await channels[1].close()
        try await whenEmpty.get()
        #expect(self.journal.count(of: "told to finish") == 2)
    }

    @Test func whoeverComesDuringADrainIsToldToo() async throws {
        let first = try await self.makeChannel()
        self.registry.add(first)
        let whenEmpty = self.registry.drain(on: self.eventLoop)
        await self.journal.wait(for: "told to finish")
        let late = try await self.makeChannel()
        self.registry.add(late)
        await self.journal.wait(for: "told to finish", times: 2)
        try await first.close()
        #expect(self.registry.closeAll() == 1)
        try await whenEmpty.get()
        #expect(!late.isActive)
    }

    @Test func whoeverHasGoneIsForgotten() async throws {
        let channel = try await self.makeChannel()
        self.registry.add(channel)
        try await channel.close()
        try await self.registry.drain(on: self.eventLoop).get()
        #expect(self.journal.count(of: "told to finish") == 0)
    }

    private func makeChannel() async throws -> any Channel {
        var descriptors: [CInt] = [0, 0]
        try #require(unsafe socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &descriptors) == 0)
        let journal = self.journal
        let peer = Client(descriptor: descriptors[0])
        let channel = try await ClientBootstrap(group: self.eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(QuiesceListener(journal))
                }
            }
            .withConnectedSocket(descriptors[1])
            .get()
        channel.closeFuture.whenComplete { _ in peer.leave() }
        return channel
    }
}

private final class QuiesceListener: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let journal: Journal

    init(_ journal: Journal) { self.journal = journal }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent { self.journal.note("told to finish") }
    }
}
