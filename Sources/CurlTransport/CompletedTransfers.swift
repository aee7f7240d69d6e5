// SPDX-License-Identifier: Apache-2.0

/// The tasks of completed transfers that are not resumed yet. Owned by the engine's thread.
///
/// The thread resumes them together at the end of its turn. Resumed one by one, the threads that run tasks fall asleep
/// in between, which costs more than libcurl's whole work for a request.
///
/// It keeps no transfer: a task that resumes needs the locked memory of its request's body for the answer.
final class CompletedTransfers {
    private var tasks: [CheckedContinuation<Void, Never>] = []

    func end(_ pending: PendingTransfer, _ outcome: consuming PendingTransfer.Outcome) {
        if let task = pending.end(outcome) { self.tasks.append(task) }
    }

    func announce() {
        for task in self.tasks { task.resume() }
        self.tasks.removeAll(keepingCapacity: true)
    }
}
