// SPDX-License-Identifier: Apache-2.0

package import Linux
import Synchronization

/// Stops a load test early. Can be raised from any thread, and stays raised.
package final class StopFlag: Sendable {
    let wakeUp: WakeUp
    private let raised = Atomic(false)

    /// - Throws: ``SystemError`` if there is no descriptor for waking the load's thread.
    package init() throws(SystemError) { self.wakeUp = try WakeUp() }

    /// Stops the load. Thread-safe.
    package func raise() {
        self.raised.store(true, ordering: .relaxed)
        self.wakeUp.call()
    }

    package var isRaised: Bool { self.raised.load(ordering: .relaxed) }
}
