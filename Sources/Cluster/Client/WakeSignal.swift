// SPDX-License-Identifier: Apache-2.0

import Primitives
import Synchronization

/// Lets one task sleep until an instant or until ``signal()``, whichever is first.
final class WakeSignal: Sendable {
    private struct State {
        var isSignalled = false
        var sleeper: OneShot<Void>?
    }

    private let state = Mutex(State())

    /// Ends the sleep. If the task does not sleep, its next sleep ends at once.
    func signal() {
        let sleeper = self.state.withLock { state in
            state.isSignalled = state.sleeper == nil
            return state.sleeper.take()
        }
        sleeper?.resolve(())
    }

    /// Sleeps. Cancelling the task ends it.
    func sleep(until wakeAt: ContinuousClock.Instant?, on clock: any SteadyClock) async {
        let sleeper = OneShot<Void>()
        let isSignalled = self.state.withLock { state in
            guard !state.isSignalled else {
                state.isSignalled = false
                return true
            }
            state.sleeper = sleeper
            return false
        }
        guard !isSignalled else { return }
        await withTaskGroup(of: Void.self) { group in
            if let wakeAt {
                group.addTask {
                    try? await clock.sleep(until: wakeAt, tolerance: nil)  // Cancelled by the signal.
                    sleeper.resolve(())
                }
            }
            await sleeper.wait(ifCancelled: ())
            group.cancelAll()
        }
        self.state.withLock { $0.sleeper = nil }
    }
}
