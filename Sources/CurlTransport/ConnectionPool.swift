// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The connections that were opened with the same credentials.
///
/// libcurl distinguishes connections and TLS sessions by host, port and file names, not by the contents of their
/// SSL_CTX. So new credentials need a new pool, and the old one is retired.
package final class ConnectionPool: Sendable {
    private let record: PoolState
    private let inbox: EngineInbox

    init(record: PoolState, inbox: EngineInbox) {
        self.record = record
        self.inbox = inbox
    }

    deinit { self.retire() }

    /// Sends a request and waits for its answer, whatever its status. Cancelling the task ends the transfer at once and
    /// frees its place; over HTTP/1.1 this closes its connection.
    ///
    /// - Throws: ``TransferFailure``.
    package func perform(_ transfer: consuming Transfer) async throws(TransferFailure) -> TransferAnswer {
        let pending = PendingTransfer(transfer)
        let (record, inbox) = (self.record, self.inbox)
        await withTaskCancellationHandler {
            await withCheckedContinuation { waiter in
                pending.wait(waiter)
                if !inbox.post(.start(pending, in: record)) {
                    pending.end(.failure(TransferFailure(.stopped, requestWasSent: false)))?.resume()
                }
            }
        } onCancel: {
            pending.cancel()
            _ = inbox.post(.cancel(pending, in: record))
        }
        return try pending.takeAnswer()
    }

    /// Accepts no more transfers: they throw `.retired`. Transfers in flight complete, then the connections are closed.
    /// Releasing the last reference to a pool has the same effect.
    package func retire() {
        let wasRetired = self.record.isRetired.exchange(true, ordering: .relaxed)
        if !wasRetired { _ = self.inbox.post(.retire(self.record)) }
    }

    /// Open sockets, including those that are connecting.
    package var openConnections: Int { self.record.openConnections.load(ordering: .relaxed) }
    /// Sockets opened so far.
    package var connectionsOpened: Int { self.record.connectionsOpened.load(ordering: .relaxed) }
    /// Transfers that are waiting for a connection or in flight.
    package var transfersInFlight: Int { self.record.transfersInFlight.load(ordering: .relaxed) }
}
