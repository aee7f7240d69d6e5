// SPDX-License-Identifier: Apache-2.0

import CLinux

/// Counts allocations that were refused for lack of memory. A C library reports such a failure as something else, for example
/// as a bad certificate; a changed count tells that the agent's own memory was the cause.
package enum RefusedAllocations {
    /// Allocations refused on the calling thread so far.
    package static var onThisThread: UInt64 { keyside_refused_allocations() }

    /// Does `body`, and says whether an allocation was refused meanwhile.
    package static func during<Result>(_ body: () -> Result) -> (result: Result, wereRefused: Bool) {
        let before = Self.onThisThread
        let result = body()
        return (result, Self.onThisThread != before)
    }

    static func note() { keyside_note_refused_allocation() }
}
