// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// What has happened, so that a test can wait for it instead of for time.
package final class Journal: Sendable {
    private let state = Mutex(State())

    package init() {}

    private struct State {
        var counts: [String: Int] = [:]
        var waiting: [Waiting] = []
    }

    private struct Waiting {
        let event: String
        let times: Int
        let continuation: CheckedContinuation<Void, Never>
    }

    package func note(_ event: String) {
        let arrived = self.state.withLock { state in
            state.counts[event, default: 0] += 1
            let counts = state.counts
            let arrived = state.waiting.filter { counts[$0.event, default: 0] >= $0.times }
            state.waiting.removeAll { counts[$0.event, default: 0] >= $0.times }
            return arrived
        }
        for waiting in arrived { waiting.continuation.resume() }
    }

    package func count(of event: String) -> Int { self.state.withLock { $0.counts[event, default: 0] } }

    /// Returns when `event` has happened so many times in all.
    package func wait(for event: String, times: Int = 1) async {
        await withCheckedContinuation { continuation in
            let isThere = self.state.withLock { state in
                guard state.counts[event, default: 0] < times else { return true }
                state.waiting.append(Waiting(event: event, times: times, continuation: continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }
}
