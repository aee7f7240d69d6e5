// SPDX-License-Identifier: Apache-2.0

import Cluster
import Primitives
import Synchronization

/// A clock that stands still until a test moves it. A test waits until somebody sleeps, then moves it.
package final class ManualClock: SteadyClock {
    package typealias Instant = ContinuousClock.Instant

    fileprivate struct State {
        var now: Instant
        var sleepers: [(until: Instant, isServer: Bool, waiter: OneShot<Bool>)] = []
        var watchers: [(isMet: @Sendable ([Instant]) -> Bool, waiter: OneShot<Void>)] = []
    }

    package let start: Instant
    private let state: Mutex<State>

    package init() {
        self.start = ContinuousClock.now
        self.state = Mutex(State(now: self.start))
    }

    package var now: Instant { self.state.withLock(\.now) }
    package var minimumResolution: Duration { .nanoseconds(1) }

    package func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        try await self.sleep(until: deadline, isServer: false)
    }

    package func sleep(until deadline: Instant, isServer: Bool) async throws {
        let waiter = OneShot<Bool>()
        let (isPast, met) = self.state.withLock { state in
            guard deadline > state.now else { return (true, [OneShot<Void>]()) }
            state.sleepers.append((deadline, isServer, waiter))
            return (false, state.takeMet())
        }
        for watcher in met { watcher.resolve(()) }
        if isPast { return }
        guard await waiter.wait(ifCancelled: false) else {
            self.state.withLock { $0.sleepers.removeAll { $0.waiter === waiter } }
            throw CancellationError()
        }
    }

    /// Moves on, and wakes whoever has slept long enough.
    package func advance(by duration: Duration) {
        let due = self.state.withLock { state in
            state.now += duration
            let due = state.sleepers.filter { $0.until <= state.now }
            state.sleepers.removeAll { $0.until <= state.now }
            return due
        }
        for sleeper in due { sleeper.waiter.resolve(true) }
    }

    /// Whether somebody wakes up at `instant` or before, key servers not counted.
    package func isSomebodySleeping(until instant: Instant) -> Bool {
        self.state.withLock { $0.sleepers.contains { !$0.isServer && $0.until <= instant } }
    }

    /// How many key servers sleep.
    package var serverCount: Int { self.state.withLock { $0.sleepers.count { $0.isServer } } }

    /// Waits until somebody sleeps until exactly `offset` from the start, or later than that and no longer than `most`.
    package func waitForSleeper(from least: Duration = .zero, through most: Duration) async {
        let range = (self.start + least)...(self.start + most)
        let waiter = OneShot<Void>()
        let met = self.state.withLock { state in
            state.watchers.append(({ $0.contains { range.contains($0) } }, waiter))
            return state.takeMet()
        }
        for watcher in met { watcher.resolve(()) }
        await waiter.wait(ifCancelled: ())
    }
}

extension ManualClock.State {
    fileprivate mutating func takeMet() -> [OneShot<Void>] {
        let instants = self.sleepers.map(\.until)
        let met = self.watchers.filter { $0.isMet(instants) }
        self.watchers.removeAll { $0.isMet(instants) }
        return met.map(\.waiter)
    }
}
