// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Waiting

/// Lets one task sleep until a time comes or somebody rings, whichever is first.
final class Doorbell: Sendable {
    private struct State {
        var hasRung = false
        var sleeper: Waiter<Void>?
    }

    private let state = Mutex(State())

    /// Ends the sleep; if nobody sleeps, the next one.
    func ring() {
        let sleeper = self.state.withLock { state in
            state.hasRung = state.sleeper == nil
            return state.sleeper.take()
        }
        sleeper?.tell(())
    }

    /// Sleeps. Cancelling the task ends it.
    func sleep(until wakeAt: ContinuousClock.Instant?, on clock: any SteadyClock) async {
        let sleeper = Waiter<Void>()
        let hasRung = self.state.withLock { state in
            guard !state.hasRung else {
                state.hasRung = false
                return true
            }
            state.sleeper = sleeper
            return false
        }
        guard !hasRung else { return }
        await withTaskGroup(of: Void.self) { group in
            if let wakeAt {
                group.addTask {
                    try? await clock.sleep(until: wakeAt, tolerance: nil)  // Cancelled: it has rung.
                    sleeper.tell(())
                }
            }
            await sleeper.wait(ifCancelled: ())
            group.cancelAll()
        }
        self.state.withLock { $0.sleeper = nil }
    }
}
