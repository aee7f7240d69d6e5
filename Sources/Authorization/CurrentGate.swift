// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The ``Gate`` that requests pass at present. It can be replaced at any time, from any thread: a request that is asked for
/// afterwards is judged by the new one, on whatever connection it comes.
package final class CurrentGate: Sendable {
    private let gate: Mutex<Gate>

    package init(_ gate: Gate) { self.gate = Mutex(gate) }

    /// See ``Gate/decide(_:_:)``.
    package func decide(_ principal: Principal, _ path: Span<UInt8>) -> Decision {
        // Taken out, so that nobody waits while another's patterns are compared.
        self.gate.withLock { $0 }.decide(principal, path)
    }

    /// See ``Gate/knows(_:)``.
    package func knows(_ principal: Principal) -> Bool { self.gate.withLock { $0 }.knows(principal) }

    package func replace(with gate: Gate) { self.gate.withLock { $0 = gate } }
}
