// SPDX-License-Identifier: Apache-2.0

import Linux
import Logging

/// Takes connections from a listening socket, and gives each to the loop that has fewest.
struct Acceptor: ~Copyable {
    private var socket: Descriptor
    private let listener: Listener
    /// Of the listener among those of the server.
    let index: Int
    private let loops: [LoopInbox]
    private let logger: Logger
    /// Small enough that a client has several turns of its event loop to authenticate before a flood of others has its
    /// connection dropped.
    private let batchCount: Int
    private var hasComplained = false

    enum Outcome {
        case nobodyIsLeft
        /// Others are to get their turn first.
        case somebodyMayBeLeft
        /// There is no descriptor or memory for one more connection.
        case unable
    }

    /// Tokens of the events that somebody waits: one for each listener. A client's slot would have to be used four billion
    /// times before its token were so high.
    static var tokens: ClosedRange<UInt64> { .max - 16 ... .max - 1 }
    var token: UInt64 { Self.token(of: self.index) }

    private static func token(of index: Int) -> UInt64 { self.tokens.upperBound - UInt64(index) }

    /// After a failure.
    static var pause: Interval { .milliseconds(100) }
    private static var batchCountMax: Int { 64 }

    /// Takes over the socket of the listener, which must not block.
    init(_ listener: Listener, index: Int, loops: [LoopInbox], logger: Logger) {
        self.socket = Descriptor(owning: listener.socket)
        self.listener = listener
        self.index = index
        self.loops = loops
        let limit = listener.connections.unauthenticatedLimit ?? .max
        self.batchCount = min(Self.batchCountMax, max(1, limit / 8))
        self.logger = logger
    }

    /// Has `events` tell that somebody waits at a listener, whose acceptor is about to be made.
    static func prepare(_ listener: Listener, index: Int, on events: borrowing EventQueue) throws(SystemError) {
        let socket = Descriptor(owning: listener.socket)
        try socket.doNotBlock()
        try events.add(socket, for: .input, token: Self.token(of: index))
        _ = socket.relinquish()
    }

    /// Has `events` tell that somebody waits, or not: a socket that cannot be accepted on would tell it for ever.
    func watch(_ isWatched: Bool, on events: borrowing EventQueue) {
        // It cannot fail: the socket is in the queue.
        try? events.change(self.socket, to: isWatched ? .input : .nothing, token: self.token)
    }

    /// Accepts on another socket from now on, and closes the former one.
    mutating func replaceSocket(with socket: consuming Descriptor, on events: borrowing EventQueue) throws(SystemError)
    {
        try socket.doNotBlock()
        try events.add(socket, for: .input, token: self.token)
        self.socket = socket
    }

    /// Takes those who wait, up to a number.
    mutating func acceptSome() -> Outcome {
        for _ in 0..<self.batchCount {
            switch self.socket.accept() {
            case .connection(let socket):
                self.hasComplained = false
                self.hand(over: socket)
            case .nobody:
                return .nobodyIsLeft
            case .unable(let error):
                self.complain(error)
                return .unable
            }
        }
        return .somebodyMayBeLeft
    }

    private func hand(over socket: consuming Descriptor) {
        guard let index = self.loops.indices.min(by: { self.loops[$0].load < self.loops[$1].load }) else { return }
        let loop = self.loops[index]
        loop.willAdopt()
        if self.listener.tls != nil { socket.doNotDelay() }
        let admission = self.listener.connections.admit(onLoop: index)
        loop.post(.adopt(socket.relinquish(), admission, listener: self.listener))
        if case .admitted(_, let dropped?) = admission { self.loops[dropped.loop].post(.drop(dropped.serial)) }
    }

    private mutating func complain(_ error: SystemError) {
        guard !self.hasComplained else { return }
        self.hasComplained = true
        self.logger.warning("connections have to wait", metadata: ["reason": "\(error.reason)"])
    }
}
