// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Connections that were opened with the same credentials.
///
/// libcurl tells connections, and TLS sessions, apart by host and port and by the names of files, not by what was
/// installed in their SSL_CTX. So new credentials need a pool of their own, and the one before is retired.
package final class ConnectionPool: Sendable {
    private let record: PoolState
    private let inbox: EngineInbox

    init(record: PoolState, inbox: EngineInbox) {
        self.record = record
        self.inbox = inbox
    }

    deinit { self.retire() }

    /// Sends a request and waits for its answer, whatever its status. Cancelling the task ends the transfer at once and
    /// makes room for the next; over HTTP/1.1 its connection goes with it.
    ///
    /// - Throws: ``TransferFailure``.
    package func perform(_ transfer: consuming Transfer) async throws(TransferFailure) -> TransferAnswer {
        let pending = PendingTransfer(transfer)
        let (record, inbox) = (self.record, self.inbox)
        await withTaskCancellationHandler {
            await withCheckedContinuation { waiter in
                pending.wait(waiter)
                if !inbox.post(.start(pending, in: record)) {
                    pending.end(.failure(TransferFailure(.stopped, requestWasSent: false)))
                    pending.announce()
                }
            }
        } onCancel: {
            pending.cancel()
            _ = inbox.post(.cancel(pending, in: record))
        }
        return try pending.takeAnswer()
    }

    /// Takes no more transfers: they throw `.retired`. Those under way end as they would have, then its connections are
    /// closed. So does a pool that nobody holds any more.
    package func retire() {
        let wasRetired = self.record.isRetired.exchange(true, ordering: .relaxed)
        if !wasRetired { _ = self.inbox.post(.retire(self.record)) }
    }

    /// Sockets that are open at present, those included that are about to be connected.
    package var openConnections: Int { self.record.openConnections.load(ordering: .relaxed) }
    /// Sockets that were opened so far.
    package var connectionsOpened: Int { self.record.connectionsOpened.load(ordering: .relaxed) }
    /// Transfers that have not ended: waiting for a connection, or under way.
    package var transfersInFlight: Int { self.record.transfersInFlight.load(ordering: .relaxed) }
}
