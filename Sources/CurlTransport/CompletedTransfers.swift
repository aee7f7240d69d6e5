// SPDX-License-Identifier: Apache-2.0

/// Flights that have ended and whose tasks are not yet woken. Belongs to the engine's thread.
///
/// They are woken together, when the thread has done what there was to do: woken one by one, the threads that run tasks
/// fall asleep in between, which costs more than the whole of libcurl's work on a request.
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
