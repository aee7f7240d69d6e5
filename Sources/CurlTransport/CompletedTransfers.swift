// SPDX-License-Identifier: Apache-2.0

/// Completed transfers whose tasks are not resumed yet. Owned by the engine's thread.
///
/// The thread resumes them together at the end of its turn. Resumed one by one, the threads that run tasks fall asleep
/// in between, which costs more than libcurl's whole work for a request.
final class CompletedTransfers {
    private var transfers: [PendingTransfer] = []

    func end(_ pending: PendingTransfer, _ outcome: consuming PendingTransfer.Outcome) {
        pending.end(outcome)
        self.transfers.append(pending)
    }

    func announce() {
        for pending in self.transfers { pending.announce() }
        self.transfers.removeAll(keepingCapacity: true)
    }
}
