// SPDX-License-Identifier: Apache-2.0

import Linux
import LockedMemory
import Logging
import ServerTestSupport
import Testing

@testable import HTTPServer

/// What unknown clients may have the agent keep, all together.
@Suite struct UnauthenticatedInputLimitTests {
    private static let byteCountMax = 1_000

    @Test func whatConnectionsHoldIsGivenBackAtTheirEnd() {
        let memory = UnauthenticatedInputLimit(byteCountMax: Self.byteCountMax)
        do {
            var one = UnauthenticatedInputUsage(of: memory)
            var other = UnauthenticatedInputUsage(of: memory)
            var isHeld = (one.hold(600), other.hold(400))
            #expect(isHeld == (true, true))
            isHeld = (one.hold(601), other.hold(100))
            #expect(isHeld == (false, true))
            #expect(memory.heldByteCount == 700)
            isHeld = (one.hold(900), other.hold(0))
            #expect(isHeld == (true, true))
        }
        #expect(memory.heldByteCount == 0)
    }

    private struct World: ~Copyable {
        let context: ServerLoop.ServerContext
        var writer: ResponseWriter
        var connection: HTTP1Connection

        init(_ peer: Peer) throws {
            var limits = ServerLimits.generous
            limits.unauthenticatedInputByteCount = UnauthenticatedInputLimitTests.byteCountMax
            let memory = try SecretMemory(slotCount: 1, heapByteCountMax: 1 << 20, allowUnlocked: true)
            self.context = ServerLoop.ServerContext(
                observer: UnobservedRequests(), limits: limits, memory: memory,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            self.writer = ResponseWriter(in: memory)
            self.connection = HTTP1Connection(self.context, ScriptedFront().fronts, peer: peer, now: .now())
        }

        /// - Returns: what is answered.
        mutating func receive(_ text: String) -> String {
            var now = Instant.now()
            self.connection.receive(Array(text.utf8).span, &self.writer, now: &now)
            return self.writer.buffer.withBytes { bytes in
                String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self)
            }
        }
    }

    /// Part of a token, which the parser needs to see as a whole.
    private static func beginning(_ byteCount: Int) -> String {
        "GET / HTTP/1.1\r\nX: " + String(repeating: "v", count: byteCount)
    }

    @Test func aStrangerIsRefusedWhereAllHoldTooMuch() throws {
        var world = try World(Peer(.tls))
        #expect(world.receive(Self.beginning(900)).isEmpty)
        #expect(world.context.unauthenticatedInput.heldByteCount == 901)
        #expect(world.receive(String(repeating: "v", count: 200)).hasPrefix("HTTP/1.1 503 "))
        let ending = world.connection.ending
        #expect(ending == .linger)
    }

    @Test(arguments: [Peer(.tls, isKnown: true), .local])
    func aKnownClientIsNotCounted(peer: Peer) throws {
        var world = try World(peer)
        #expect(world.receive(Self.beginning(10_000)).isEmpty)
        #expect(world.context.unauthenticatedInput.heldByteCount == 0)
    }
}
