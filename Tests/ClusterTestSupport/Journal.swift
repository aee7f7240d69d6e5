// SPDX-License-Identifier: Apache-2.0

import Primitives
import Synchronization

/// What has happened, in order; a test waits until enough has.
package final class Journal<Entry: Sendable>: Sendable {
    fileprivate struct State {
        var entries: [Entry] = []
        var watchers: [(isMet: @Sendable ([Entry]) -> Bool, waiter: OneShot<Void>)] = []
    }

    private let state = Mutex(State())

    package init() {}

    package var entries: [Entry] { self.state.withLock(\.entries) }

    package func note(_ entry: Entry) {
        let met = self.state.withLock { state in
            state.entries.append(entry)
            return state.takeMet()
        }
        for watcher in met { watcher.resolve(()) }
    }

    package func wait(until isMet: @escaping @Sendable ([Entry]) -> Bool) async {
        let waiter = OneShot<Void>()
        let met = self.state.withLock { state in
            state.watchers.append((isMet, waiter))
            return state.takeMet()
        }
        for watcher in met { watcher.resolve(()) }
        await waiter.wait(ifCancelled: ())
    }

    package func wait(for count: Int) async { await self.wait { $0.count >= count } }
}

extension Journal.State {
    fileprivate mutating func takeMet() -> [OneShot<Void>] {
        let entries = self.entries
        let met = self.watchers.filter { $0.isMet(entries) }
        self.watchers.removeAll { $0.isMet(entries) }
        return met.map(\.waiter)
    }
}
