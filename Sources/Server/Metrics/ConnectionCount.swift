// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Telemetry

/// How many connections a listener has, and whether there may be one more.
package final class ConnectionCount: Sendable {
    /// What several listeners may have together.
    private final class Room: Sendable {
        let limit: Int
        let taken = Atomic<Int>(0)

        init(limit: Int) { self.limit = limit }

        func take() -> Bool {
            guard self.taken.wrappingAdd(1, ordering: .relaxed).newValue <= self.limit else {
                self.giveBack()
                return false
            }
            return true
        }

        func giveBack() { self.taken.wrappingSubtract(1, ordering: .relaxed) }
    }

    private let room: Room
    private let open = Atomic<Int>(0)
    private let refusals = Counter()
    private let failures = Counter()

    package init(limit: Int) { self.room = Room(limit: limit) }

    /// For another listener: no more connections than that limit for both together.
    package init(sharingTheLimitOf other: ConnectionCount) { self.room = other.room }

    package var current: Int { self.open.load(ordering: .relaxed) }
    package var refused: Int { self.refusals.current }
    /// Handshakes of TLS that came to nothing.
    package var failedHandshakes: Int { self.failures.current }

    /// Counts a connection in, unless there are as many as there may be.
    func admit() -> Bool {
        guard self.room.take() else {
            self.refusals.add()
            return false
        }
        self.open.wrappingAdd(1, ordering: .relaxed)
        return true
    }

    func leave() {
        self.open.wrappingSubtract(1, ordering: .relaxed)
        self.room.giveBack()
    }

    func handshakeFailed() { self.failures.add() }
}
