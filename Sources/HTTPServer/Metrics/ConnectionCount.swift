// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Telemetry

/// How many connections a listener has, and whether there may be one more.
///
/// A TLS listener also limits the connections of clients that it does not know. Beyond that limit the oldest of them is
/// dropped, not the newest refused: whoever holds connections open cannot keep others out. All event loops share the count,
/// so that the limit is exact and the oldest is the oldest of all. It takes a lock when a connection begins, authenticates
/// or ends; requests do not pass here.
package final class ConnectionCount: Sendable {
    /// What becomes of a new connection.
    enum Admission {
        /// `limits.connections` is reached, and no unauthenticated connection can be closed.
        case refused
        /// The connection is counted. With a `serial`, its client is unauthenticated so far. `dropped` has to go for it.
        case admitted(serial: UnauthenticatedConnections.Serial?, dropped: Dropped?)
    }

    /// A connection that its event loop has to close.
    typealias Dropped = (serial: UnauthenticatedConnections.Serial, loop: Int)

    private struct State {
        var open = 0
        /// Of those, the ones that are dropped and not closed yet. They leave room already.
        var dropped = 0
        var unauthenticated = UnauthenticatedConnections()
    }

    private let limit: Int
    /// Nil where clients need not authenticate.
    let unauthenticatedLimit: Int?
    private let state = Mutex(State())
    private let refusals = Counter()
    private let drops = Counter()
    private let failures = Counter()

    /// - Parameter unauthenticatedLimit: for connections whose client is not known; at least 1. Nil for a listener that
    ///   knows all of its clients.
    package init(limit: Int, unauthenticatedLimit: Int? = nil) {
        self.limit = limit
        self.unauthenticatedLimit = unauthenticatedLimit
    }

    package var current: Int { self.state.withLock(\.open) }
    /// Connections without a known client, the dropped ones excepted.
    package var unauthenticated: Int { self.state.withLock(\.unauthenticated.count) }
    package var refused: Int { self.refusals.current }
    /// Connections that were closed because too many had no known client.
    package var droppedUnauthenticated: Int { self.drops.current }
    /// Handshakes of TLS that came to nothing.
    package var failedHandshakes: Int { self.failures.current }

    /// Counts a connection in, which the event loop at position `loop` will serve, unless there are as many as there may be.
    func admit(onLoop loop: Int) -> Admission {
        let admission = self.state.withLock { self.admit(onLoop: loop, &$0) }
        switch admission {
        case .refused: self.refusals.add()
        case .admitted(_, .some): self.drops.add()
        case .admitted(_, nil): break
        }
        return admission
    }

    private func admit(onLoop loop: Int, _ state: inout State) -> Admission {
        let isFull = state.open - state.dropped >= self.limit
        var dropped: Dropped?
        if isFull || state.unauthenticated.count >= self.unauthenticatedLimit ?? .max {
            dropped = state.unauthenticated.takeOldest()
            if dropped != nil { state.dropped += 1 } else if isFull { return .refused }
        }
        state.open += 1
        let serial = self.unauthenticatedLimit.map { _ in state.unauthenticated.append(onLoop: loop) }
        return .admitted(serial: serial, dropped: dropped)
    }

    /// The client of a connection is known. From then on, no other client can have the connection dropped.
    ///
    /// - Returns: false if the connection has been dropped a moment before.
    func authenticated(_ serial: UnauthenticatedConnections.Serial) -> Bool {
        self.state.withLock { $0.unauthenticated.remove(serial) }
    }

    /// The client of a connection is not known any more: it is the newest unauthenticated one now.
    func deauthenticated(onLoop loop: Int) -> (serial: UnauthenticatedConnections.Serial, dropped: Dropped?) {
        let result = self.state.withLock { state in
            var dropped: Dropped?
            if state.unauthenticated.count >= self.unauthenticatedLimit ?? .max {
                dropped = state.unauthenticated.takeOldest()
                if dropped != nil { state.dropped += 1 }
            }
            return (state.unauthenticated.append(onLoop: loop), dropped)
        }
        if result.1 != nil { self.drops.add() }
        return result
    }

    /// A connection has ended.
    ///
    /// - Parameter serial: nil if its client was known.
    func leave(_ serial: UnauthenticatedConnections.Serial?) {
        self.state.withLock { state in
            state.open -= 1
            if let serial, !state.unauthenticated.remove(serial) { state.dropped -= 1 }
        }
    }

    /// An event loop has dropped a connection of its own, for lack of memory.
    func dropped() { self.drops.add() }

    func handshakeFailed() { self.failures.add() }
}
