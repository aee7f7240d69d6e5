// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A transfer between the task that awaits it and the engine's thread that carries it out.
final class PendingTransfer: Sendable {
    typealias Outcome = Result<TransferAnswer, TransferFailure>

    let transfer: Transfer
    private let state = Mutex(State())

    private struct State: ~Copyable {
        var isCancelled = false
        var waiter: CheckedContinuation<Void, Never>?
        var outcome: Outcome?
    }

    init(_ transfer: consuming Transfer) { self.transfer = transfer }

    /// Says who waits. To be called once, before the engine learns of the flight.
    func wait(_ waiter: CheckedContinuation<Void, Never>) {
        self.state.withLock { $0.waiter = waiter }
    }

    /// For a cancellation that comes before the flight has reached the engine.
    func cancel() { self.state.withLock { $0.isCancelled = true } }

    var isCancelled: Bool { self.state.withLock { $0.isCancelled } }

    /// Notes what came of it, once.
    func end(_ outcome: consuming Outcome) {
        var outcome: Outcome? = outcome
        self.state.withLock { state in
            precondition(state.outcome == nil, "a flight ends once")
            state.outcome = outcome.take()
        }
    }

    /// Wakes the one who waits, after ``end(_:)``.
    func announce() {
        self.state.withLock { $0.waiter.take() }?.resume()
    }

    /// What came of it, for the one who has waited.
    func takeAnswer() throws(TransferFailure) -> TransferAnswer {
        guard let outcome = self.state.withLock({ $0.outcome.take() }) else {
            preconditionFailure("an answer is taken once, after the wait for it")
        }
        return try outcome.get()
    }
}
