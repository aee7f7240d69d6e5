// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The ``Gate`` in force. It can be replaced at any time, from any thread: later requests are judged by the new one, on
/// open connections too.
package final class CurrentGate: Sendable {
    private let gate: Mutex<Gate>

    package init(_ gate: Gate) { self.gate = Mutex(gate) }

    /// See ``Gate/decide(_:_:)``.
    package func decide(_ principal: Principal, _ path: Span<UInt8>) -> Decision {
        // The lock is released before patterns are compared, so that threads do not wait for each other's comparisons.
        self.gate.withLock { $0 }.decide(principal, path)
    }

    /// See ``Gate/knows(_:)``.
    package func knows(_ principal: Principal) -> Bool { self.gate.withLock { $0 }.knows(principal) }

    /// Puts a new gate in force. Thread-safe.
    package func replace(with gate: Gate) { self.gate.withLock { $0 = gate } }
}
