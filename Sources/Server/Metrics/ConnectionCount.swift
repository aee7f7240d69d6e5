// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Telemetry

/// How many connections a listener has, and whether there may be one more.
package final class ConnectionCount: Sendable {
    private let limit: Int
    private let open = Atomic<Int>(0)
    private let refusals = Counter()

    package init(limit: Int) { self.limit = limit }

    package var current: Int { self.open.load(ordering: .relaxed) }
    package var refused: Int { self.refusals.current }

    /// Counts a connection in, unless there are as many as there may be.
    func admit() -> Bool {
        guard self.open.wrappingAdd(1, ordering: .relaxed).newValue <= self.limit else {
            self.open.wrappingSubtract(1, ordering: .relaxed)
            self.refusals.add()
            return false
        }
        return true
    }

    func leave() { self.open.wrappingSubtract(1, ordering: .relaxed) }
}
