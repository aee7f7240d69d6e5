// SPDX-License-Identifier: Apache-2.0

import Linux
import LockedMemory
import Logging
import Primitives
import TestSupport
import Testing

@testable import HTTPServer

/// Whatever a client has done, once it falls silent its connection ends in time.
@Suite(.timeLimit(.minutes(5))) struct ConnectionEndTests {
    private let memory: SecretMemory

    init() throws { self.memory = try SecretMemory(slotCount: 1, heapByteCountMax: 1 << 20, allowUnlocked: true) }

    /// The largest timeout of a stream, `idleTimeout`, and three times the time in which a client may close.
    private static let longest =
        HTTP2World.limits.idleTimeout + WorldFront.timeout + HTTP2World.limits.lingerTimeout * 3
    /// What a drain waits for where nothing is in work.
    private static let longestDrain = HTTP2World.limits.drainGrace + HTTP2World.limits.lingerTimeout * 4

    private static func choices(_ seed: UInt64) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        return (0..<Int.random(in: 1...400, using: &generator)).map { _ in .random(in: 0...255, using: &generator) }
    }

    @Test func aConnectionOfHTTP2EndsWhenItsClientIsSilent() throws {
        for seed in UInt64(1)...2_000 {
            var world = HTTP2World(choices: Self.choices(seed), memory: self.memory)
            while !world.isOver { world.step() }
            let end = world.waitForEnd()
            let duration = try #require(end, "seed \(seed): it does not end")
            try #require(duration <= Self.longest, "seed \(seed): it takes \(duration)")
        }
    }

    @Test func aConnectionOfHTTP2EndsWhereverMemoryDoes() throws {
        let faults = AllocationFaults(of: [.ordinary, .share(.transit)])
        let memory = try SecretMemory(slotCount: 1, heapByteCountMax: 1 << 20, allowUnlocked: true, faults: faults)
        for seed in UInt64(1)...2_000 {
            var world = HTTP2World(choices: Self.choices(seed), memory: memory)
            var generator = SeededGenerator(seed: seed)
            let first = Int.random(in: 1...60, using: &generator)
            faults.begin(refusing: first..<(Bool.random(using: &generator) ? first + 1 : .max))
            while !world.isOver { world.step() }
            if Bool.random(using: &generator) { world.drain() }
            let end = world.waitForEnd()
            faults.end()
            let duration = try #require(end, "seed \(seed): it does not end")
            try #require(duration <= Self.longest, "seed \(seed): it takes \(duration)")
        }
    }

    @Test func aDrainOfHTTP2WithoutWorkEndsSoon() throws {
        for seed in UInt64(1)...2_000 {
            var world = HTTP2World(choices: Self.choices(seed), memory: self.memory, hasWork: false)
            while !world.isOver { world.step() }
            world.drain()
            let end = world.waitForEnd()
            let duration = try #require(end, "seed \(seed): it does not end")
            try #require(duration <= Self.longestDrain, "seed \(seed): it takes \(duration)")
        }
    }

    /// What clients of HTTP/1.1 send, to be cut and mixed.
    private static let pieces = [
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET /later HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HT", "\r\n", "G",
        "PUT /body HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n", "12345",
        "PUT /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "3\r\nabc\r\n", "0\r\n\r\n",
        "PUT /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n",
        "PUT /body HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n", "GET /big HTTP/1.1\r\nHost: x\r\n\r\n",
    ]

    @Test func aConnectionOfHTTP11EndsWhenItsClientIsSilent() throws {
        for seed in UInt64(1)...2_000 {
            var generator = SeededGenerator(seed: seed)
            let clock = WorldClock(Instant(nanoseconds: 1_000_000_000_000))
            let context = ServerLoop.ServerContext(
                observer: UnobservedRequests(), limits: HTTP2World.limits, memory: self.memory,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                clock: { clock.now })
            var connection = HTTP1Connection(context, FrontRouter(WorldFront()), peer: .local, now: clock.now)
            var writer = ResponseWriter(in: self.memory)
            let readsAnswers = Bool.random(using: &generator)
            func settle(_ connection: inout HTTP1Connection, _ writer: inout ResponseWriter) {
                _ = connection.takeDeferred()
                while readsAnswers {
                    writer.buffer.removeAll()
                    guard connection.canResume else { break }
                    var now = clock.now
                    connection.resume(&writer, now: &now)
                }
            }
            for _ in 0..<Int.random(in: 0...20, using: &generator) {
                var now = clock.now
                switch Int.random(in: 0...9, using: &generator) {
                case 0...6 where connection.wantsInput && writer.buffer.isEmpty:
                    let piece = Self.pieces.randomElement(using: &generator) ?? ""
                    connection.receive(Array(piece.utf8).span, &writer, now: &now)
                case 7: clock.advance(by: .milliseconds(Int.random(in: 0...20_000, using: &generator)))
                case 8: connection.drain(now: now)
                case _: break
                }
                now = clock.now
                if connection.deadline <= now { connection.timeIsUp(&writer, now: &now) }
                settle(&connection, &writer)
            }
            let start = clock.now
            for _ in 0..<1_000 where connection.ending != .abort && !(readsAnswers && connection.ending == .close) {
                clock.advance(by: max(connection.deadline - clock.now, .zero))
                var now = clock.now
                connection.timeIsUp(&writer, now: &now)
                settle(&connection, &writer)
            }
            let hasEnded = connection.ending == .abort || readsAnswers && connection.ending == .close
            try #require(hasEnded, "seed \(seed): it does not end")
            try #require(clock.now - start <= Self.longest, "seed \(seed): it takes \(clock.now - start)")
        }
    }
}

extension Interval {
    fileprivate static func + (left: Interval, right: Interval) -> Interval {
        .nanoseconds(left.nanoseconds + right.nanoseconds)
    }

    fileprivate static func * (interval: Interval, count: Int) -> Interval {
        .nanoseconds(interval.nanoseconds * count)
    }
}
