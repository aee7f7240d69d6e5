// SPDX-License-Identifier: Apache-2.0

package import Linux
import Synchronization

/// Ends a load early. Raised from any thread, once and for all.
package final class StopFlag: Sendable {
    let wakeUp: WakeUp
    private let raised = Atomic(false)

    package init() throws(SystemError) { self.wakeUp = try WakeUp() }

    package func raise() {
        self.raised.store(true, ordering: .relaxed)
        self.wakeUp.call()
    }

    package var isRaised: Bool { self.raised.load(ordering: .relaxed) }
}
