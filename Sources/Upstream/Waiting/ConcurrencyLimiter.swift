// SPDX-License-Identifier: Apache-2.0

import KeyService
import Primitives
import Synchronization

/// Room for so many requests at a time, and a bounded queue of those that wait for it. First come, first served.
///
/// Waiting needs no timer: all requests have the same timeout, so whoever is ahead in the queue has ended by his own
/// deadline, which is the earlier one.
final class ConcurrencyLimiter: Sendable {
    fileprivate enum Turn {
        case enter
        case giveUp
    }

    private enum Admission {
        case entered
        case queued(OneShot<Turn>)
        case refused
    }

    fileprivate struct State {
        var inFlight = 0
        var queue: ArraySlice<OneShot<Turn>> = []
    }

    private let inFlightMax: Int
    private let queuedMax: Int
    private let state = Mutex(State())

    init(inFlightMax: Int, queuedMax: Int) {
        self.inFlightMax = inFlightMax
        self.queuedMax = queuedMax
    }

    /// Requests that have room, and requests that wait for it.
    var counts: (inFlight: Int, queued: Int) { self.state.withLock { ($0.inFlight, $0.queue.count) } }

    /// Waits for room. Whoever got it calls ``leave()``.
    ///
    /// - Throws: `.overloaded` at once when the queue is full; `.timedOut` when the task is cancelled.
    func enter() async throws(KeyServiceError) {
        switch self.admit() {
        case .entered: return
        case .queued(let waiter): try await self.wait(waiter)
        case .refused: throw .overloaded
        }
    }

    /// Takes room that is there.
    func enterImmediately() -> Bool {
        self.state.withLock { state in
            guard state.inFlight < self.inFlightMax else { return false }
            state.inFlight += 1
            return true
        }
    }

    /// Gives the room to whoever waits longest.
    func leave() {
        while let next = self.state.withLock({ $0.leave() }) {
            if next.resolve(.enter) { return }  // If not, it has just given up.
        }
    }

    private func admit() -> Admission {
        self.state.withLock { state in
            if state.inFlight < self.inFlightMax {
                state.inFlight += 1
                return .entered
            }
            guard state.queue.count < self.queuedMax else { return .refused }
            let waiter = OneShot<Turn>()
            state.queue.append(waiter)
            return .queued(waiter)
        }
    }

    private func wait(_ waiter: OneShot<Turn>) async throws(KeyServiceError) {
        switch await waiter.wait(ifCancelled: .giveUp) {
        case .enter:
            return
        case .giveUp:
            self.state.withLock { $0.queue.removeAll { $0 === waiter } }
            throw .timedOut
        }
    }
}

extension ConcurrencyLimiter.State {
    /// - Returns: who has the room now; nil if it is free.
    fileprivate mutating func leave() -> OneShot<ConcurrencyLimiter.Turn>? {
        if let next = self.queue.popFirst() { return next }
        self.inFlight -= 1
        return nil
    }
}
