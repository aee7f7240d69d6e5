// SPDX-License-Identifier: Apache-2.0

import HTTP2
import HTTPMessages
import KeyService
import Linux
import LockedMemory
import Logging
import Synchronization
import TLS

@testable import HTTPServer

/// A connection of HTTP/2 with a client, a socket, a front and a clock. A string of bytes decides what happens next, so that
/// a fuzzer or a random generator can write it.
struct HTTP2World: ~Copyable {
    static let limits: ServerLimits = {
        var limits = ServerLimits(connections: 1, headerTimeout: .seconds(5), idleTimeout: .seconds(60))
        limits.lingerTimeout = .seconds(1)
        limits.drainGrace = .milliseconds(100)
        // So small that a few frames come to each of them.
        limits.http2.bodyByteCount = WorldFront.bodyByteCountMax
        limits.http2.heldByteCount = 3 * WorldFront.bodyByteCountMax
        limits.http2.unreadByteCount = 6 * WorldFront.bodyByteCountMax
        limits.http2.concurrentStreams = 8
        return limits
    }()

    private static let start = Instant(nanoseconds: 1_000_000_000_000)
    private static let noWork = Task<Void, Never> {}
    private static let frameByteCountMax = 16_384

    var connection: HTTP2Connection
    private let clock: WorldClock
    private let memory: SecretMemory
    private let choices: [UInt8]
    private var position = 0

    /// Frames that come with the next read.
    private var segment: [UInt8] = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    private var lastStream = -1
    private var output: TransitBuffer
    /// Whether the client reads nothing, and the socket holds what was sent last.
    private var socketIsFull = false
    private var awaited: [HTTP1Connection.Deferred] = []
    private(set) var isDraining = false
    /// Whether requests are sent whose answers take their time, or whose bodies matter.
    private let hasWork: Bool

    init(choices: [UInt8], memory: SecretMemory, hasWork: Bool = true) {
        let clock = WorldClock(Self.start)
        let context = ServerLoop.ServerContext(
            observer: UnobservedRequests(), limits: Self.limits, memory: memory,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, clock: { clock.now })
        guard let connection = HTTP2Connection(context, FrontRouter(WorldFront()), peer: .local, now: Self.start) else {
            preconditionFailure("no memory for a connection")
        }
        self.connection = connection
        self.clock = clock
        self.memory = memory
        self.choices = choices
        self.output = TransitBuffer(in: memory)
        self.hasWork = hasWork
        self.add(type: 4, payload: [])
    }

    var now: Instant { self.clock.now }
    var hasEnded: Bool { self.connection.ending == .abort || self.connection.ending == .close && !self.socketIsFull }
    /// Whether all that was decided has happened.
    var isOver: Bool { self.position >= self.choices.count || self.hasEnded }

    // MARK: What is decided

    private mutating func choose(_ count: Int) -> Int {
        guard self.position < self.choices.count else { return 0 }
        defer { self.position += 1 }
        return Int(self.choices[self.position]) % count
    }

    /// Does what the next bytes say.
    mutating func step() {
        switch self.choose(24) {
        case 0, 1, 2: self.addRequest()
        case 3: self.add(type: 1, flags: self.choose(2), stream: self.newStream(), payload: Self.block(Self.plain("/")))
        case 4: self.add(type: 9, flags: self.choose(2) * 4, stream: self.lastStream, payload: [0x82])
        case 5, 6: self.addData(byteCount: self.choose(256))
        case 7: self.addData(byteCount: WorldFront.bodyByteCountMax - 2 + self.choose(4))
        case 8: self.add(type: 3, stream: self.someStream(), payload: [0, 0, 0, 8])
        case 9:
            self.add(type: 8, stream: self.choose(2) * self.someStream(), payload: [0, 0, UInt8(self.choose(256)), 1])
        case 10: self.addSettings()
        case 11: self.add(type: 6, flags: self.choose(2), payload: [UInt8](repeating: 0, count: 8))
        case 12: self.add(type: [2, 16, 0x42, 10][self.choose(4)], stream: self.someStream(), payload: self.bytes(5))
        case 13: self.add(type: 7, payload: [UInt8](repeating: 0, count: 8))
        case 14:
            self.add(type: 1, flags: self.choose(256), stream: self.newStream(), payload: self.bytes(self.choose(64)))
        case 15:
            self.add(
                type: self.choose(12), flags: self.choose(256), stream: self.someStream(),
                payload: self.bytes(self.choose(32)))
        case 16, 17: self.deliver(self.segment.count)
        case 18: self.deliver(self.choose(64))
        case 19: self.answerOne()
        case 20: self.pass(.milliseconds([1, 50, 500, 5_000, 20_000, 70_000][self.choose(6)]))
        case 21:
            self.socketIsFull = self.choose(2) == 0
            self.settle()
        case 22: self.pass(self.connection.deadline - self.now)
        case _: self.changePhase()
        }
    }

    private mutating func changePhase() {
        switch self.choose(8) {
        case 0: self.drain()
        case 1: self.connection.inputHasEnded()
        case _: break
        }
        self.settle()
    }

    private mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(self.choose(256)) } }

    // MARK: The client

    private mutating func newStream() -> Int {
        self.lastStream += 2
        return self.lastStream
    }

    private mutating func someStream() -> Int { max(1, self.lastStream - 2 * self.choose(4)) }

    private mutating func addRequest() {
        let paths = self.hasWork ? ["/", "/body", "/later", "/refused", "/big"] : ["/", "/refused", "/big"]
        var fields = Self.plain(paths[self.choose(paths.count)])
        let more = [
            nil, nil, nil, ("host", "x"), ("expect", "100-continue"), ("expect", "wonders"), ("content-length", "5"),
            ("content-length", "1001"),
        ]
        if let field = more[self.choose(more.count)] { fields.append(field) }
        let endsStream = self.choose(2)
        self.add(type: 1, flags: 4 | endsStream, stream: self.newStream(), payload: Self.block(fields))
    }

    private static func plain(_ path: String) -> [(String, String)] {
        [(":method", "PUT"), (":scheme", "http"), (":authority", "x"), (":path", path)]
    }

    private static func block(_ fields: [(String, String)]) -> [UInt8] {
        var block: [UInt8] = []
        for (name, value) in fields {
            block.append(0)
            for text in [name, value] { block += [UInt8(text.utf8.count)] + Array(text.utf8) }
        }
        return block
    }

    private mutating func addData(byteCount: Int) {
        let endsStream = self.choose(2)
        self.add(
            type: 0, flags: endsStream, stream: self.someStream(), payload: [UInt8](repeating: 7, count: byteCount))
    }

    private mutating func addSettings() {
        let window = [0, 1, 100, 65_535][self.choose(4)]
        self.add(type: 4, payload: [0, 4, 0, 0, UInt8(window >> 8), UInt8(window & 255)])
    }

    private mutating func add(type: Int, flags: Int = 0, stream: Int = 0, payload: [UInt8]) {
        self.segment += [0, UInt8(payload.count >> 8), UInt8(payload.count & 255), UInt8(type), UInt8(flags)]
        self.segment += [0, 0, UInt8(stream >> 8 & 127), UInt8(stream & 255)] + payload
        if self.segment.count > Self.frameByteCountMax { self.deliver(self.segment.count) }
    }

    // MARK: The loop

    private mutating func deliver(_ count: Int) {
        let count = min(count, self.segment.count)
        // As a loop does: it reads nothing while something is unsent.
        guard self.connection.wantsInput, !self.socketIsFull || self.connection.ending == .linger else { return }
        var now = self.now
        let input = Array(self.segment.prefix(count))
        self.segment.removeFirst(count)
        self.connection.receive(input.span, now: &now)
        self.settle()
    }

    private mutating func settle() {
        repeat {
            guard self.connection.ending == .none, !self.socketIsFull || self.output.isEmpty else { break }
            var now = self.now
            self.connection.write(into: &self.output, now: &now)
            if !self.socketIsFull { self.output.removeAll() }
        } while self.connection.canResume && !self.socketIsFull
        if !self.socketIsFull { self.output.removeAll() }
        var awaited = self.awaited
        self.connection.startWork { deferred in
            awaited.append(deferred)
            return Self.noWork
        }
        self.awaited = awaited
    }

    private mutating func answerOne() {
        guard !self.awaited.isEmpty else { return }
        let deferred = self.awaited.remove(at: self.choose(self.awaited.count))
        var writer = ResponseWriter(in: self.memory)
        writer.begin(deferred.frame)
        writer.write(Response(.ok, body: [1, 2, 3]))
        var now = self.now
        self.connection.answerIsMade(deferred.serial, writer, now: &now)
        self.settle()
    }

    mutating func drain() {
        self.isDraining = true
        self.connection.drain(now: self.now)
        self.settle()
    }

    /// Lets time pass, and has deadlines looked at that it comes to.
    mutating func pass(_ interval: Interval) {
        self.clock.advance(by: max(interval, .zero))
        guard self.connection.deadline <= self.now else { return }
        var now = self.now
        self.connection.timeIsUp(now: &now)
        self.settle()
    }

    /// Lets time pass until the connection ends. The client does nothing any more.
    ///
    /// - Returns: how long that took; nil if it never ends.
    mutating func waitForEnd() -> Interval? {
        let start = self.now
        self.deliver(self.segment.count)
        for _ in 0..<10_000 {
            if self.hasEnded { return self.now - start }
            guard self.connection.deadline < .distantFuture else { return nil }
            self.pass(self.connection.deadline - self.now)
        }
        return nil
    }
}

/// A clock that a test moves.
final class WorldClock: Sendable {
    private let nanoseconds: Atomic<Int>

    init(_ start: Instant) { self.nanoseconds = Atomic(start.nanoseconds) }

    var now: Instant { Instant(nanoseconds: self.nanoseconds.load(ordering: .relaxed)) }

    func advance(by interval: Interval) { self.nanoseconds.wrappingAdd(interval.nanoseconds, ordering: .relaxed) }
}

struct UnobservedRequests: RequestObserver {
    func requestEnded(_ record: RequestRecord) {}
}

/// Answers by path: `/body` takes a body, `/later` too and answers when the test says so, `/refused` is refused by the
/// head, `/big` has a long answer. All others are answered at once.
final class WorldFront: DefaultFront {
    static let bodyByteCountMax = 1_000
    static let timeout = Interval.seconds(15)

    func knows(_ credential: PeerCredential) -> Bool { true }

    let pathPrefixes = ["/"]

    func route(_ method: RequestMethod, _ path: [UInt8], from peer: Peer) -> (any RoutedRequest)? {
        Request(path: String(decoding: path, as: UTF8.self))
    }

    var pathNotFound: Response { Response(.notFound) }

    func refusal(_ status: ResponseStatus, _ message: String) -> Response {
        Response(status, body: Array(message.utf8))
    }

    private final class Request: RoutedRequest {
        private let path: String

        init(path: String) { self.path = path }

        var requestSubject: RequestSubject { .unknown }

        var refusal: Response? { self.path == "/refused" ? Response(.forbidden) : nil }
        var bodyByteCountMax: Int { ["/body", "/later"].contains(self.path) ? WorldFront.bodyByteCountMax : 0 }
        var timeout: Interval { WorldFront.timeout }
        var bodyTooLarge: Response { Response(.badRequest) }
        var timedOut: Response { Response(.gatewayTimeout) }

        func answer(
            body: Span<UInt8>, bodyLengthWasAnnounced: Bool, with writer: inout ResponseWriter
        ) -> DeferredAnswer? {
            if self.path == "/later" { return { $0.write(Response(.ok)) } }
            writer.write(Response(.ok, body: [UInt8](repeating: 7, count: self.path == "/big" ? 5_000 : body.count)))
            return nil
        }
    }
}
