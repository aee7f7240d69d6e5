// SPDX-License-Identifier: Apache-2.0

import Linux
import Logging

/// Takes connections from the listening socket, and gives each to the loop that has fewest.
struct Acceptor: ~Copyable {
    private let listener: Descriptor
    private let loops: [LoopInbox]
    private let connections: ConnectionCount
    private let logger: Logger
    private var hasComplained = false

    enum Outcome {
        case nobodyIsLeft
        /// Others are to get their turn first.
        case somebodyMayBeLeft
        /// There is no descriptor or memory for one more connection.
        case unable
    }

    /// The token of the event that somebody waits. A client's slot would have to be used four billion times before its
    /// token were so high.
    static var token: UInt64 { .max - 1 }
    /// After a failure.
    static var pause: Interval { .milliseconds(100) }
    private static var batchCount: Int { 64 }

    /// - Parameter listener: does not block.
    init(listener: consuming Descriptor, loops: [LoopInbox], connections: ConnectionCount, logger: Logger) {
        self.listener = listener
        self.loops = loops
        self.connections = connections
        self.logger = logger
    }

    /// Has `events` tell that somebody waits, or not: a socket that cannot be accepted on would tell it for ever.
    func watch(_ isWatched: Bool, on events: borrowing EventQueue) {
        // It cannot fail: the listener is in the queue.
        try? events.change(self.listener, to: isWatched ? .input : .nothing, token: Self.token)
    }

    /// Takes those who wait, up to a number.
    mutating func acceptSome() -> Outcome {
        for _ in 0..<Self.batchCount {
            switch self.listener.accept() {
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
        guard let loop = self.loops.min(by: { $0.load < $1.load }) else { return }
        loop.willAdopt()
        loop.post(.adopt(socket.relinquish(), isAdmitted: self.connections.admit()))
    }

    private mutating func complain(_ error: SystemError) {
        guard !self.hasComplained else { return }
        self.hasComplained = true
        self.logger.warning("connections have to wait", metadata: ["reason": "\(error.reason)"])
    }
}
