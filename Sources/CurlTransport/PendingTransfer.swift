// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A transfer between the task that awaits it and the engine's thread that performs it.
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

    /// Sets the continuation. Call once, before the engine gets the transfer.
    func wait(_ waiter: CheckedContinuation<Void, Never>) {
        self.state.withLock { $0.waiter = waiter }
    }

    /// For a cancellation before the transfer has reached the engine.
    func cancel() { self.state.withLock { $0.isCancelled = true } }

    var isCancelled: Bool { self.state.withLock { $0.isCancelled } }

    /// Stores the outcome, once.
    ///
    /// - Returns: the waiting task, to be resumed.
    func end(_ outcome: consuming Outcome) -> CheckedContinuation<Void, Never>? {
        var outcome: Outcome? = outcome
        return self.state.withLock { state in
            precondition(state.outcome == nil, "a transfer ends once")
            state.outcome = outcome.take()
            return state.waiter.take()
        }
    }

    /// Takes the outcome after the wait.
    func takeAnswer() throws(TransferFailure) -> TransferAnswer {
        guard let outcome = self.state.withLock({ $0.outcome.take() }) else {
            preconditionFailure("an answer is taken once, after the wait for it")
        }
        return try outcome.get()
    }
}
