// SPDX-License-Identifier: Apache-2.0

import CLinux

/// Counts allocations that failed for lack of memory. C libraries report such a failure as another error, for example
/// as a bad certificate. A changed count shows that the agent's own memory was the cause.
package enum RefusedAllocations {
    /// Failed allocations on the calling thread so far.
    package static var onThisThread: UInt64 { keyside_refused_allocations() }

    /// Runs `body`, and returns whether an allocation failed meanwhile.
    package static func during<Result>(_ body: () -> Result) -> (result: Result, wereRefused: Bool) {
        let before = Self.onThisThread
        let result = body()
        return (result, Self.onThisThread != before)
    }

    static func note() { keyside_note_refused_allocation() }
}
