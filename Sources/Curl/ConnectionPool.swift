// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Connections that were opened with the same credentials.
///
/// libcurl tells connections, and TLS sessions, apart by host and port and by the names of files, not by what was
/// installed in their SSL_CTX. So new credentials need a pool of their own, and the one before is retired.
package final class ConnectionPool: Sendable {
    private let record: PoolRecord
    private let orders: OrderBook

    init(record: PoolRecord, orders: OrderBook) {
        self.record = record
        self.orders = orders
    }

    deinit { self.retire() }

    /// Sends a request and waits for its answer, whatever its status. Cancelling the task ends the transfer at once and
    /// makes room for the next; over HTTP/1.1 its connection goes with it.
    ///
    /// - Throws: ``TransferFailure``.
    package func perform(_ transfer: consuming Transfer) async throws(TransferFailure) -> TransferAnswer {
        let flight = Flight(transfer)
        let (record, orders) = (self.record, self.orders)
        await withTaskCancellationHandler {
            await withCheckedContinuation { waiter in
                flight.wait(waiter)
                if !orders.post(.start(flight, in: record)) {
                    flight.end(.failure(TransferFailure(.stopped, requestWasSent: false)))
                    flight.announce()
                }
            }
        } onCancel: {
            flight.cancel()
            _ = orders.post(.cancel(flight, in: record))
        }
        return try flight.takeAnswer()
    }

    /// Takes no more transfers: they throw `.retired`. Those under way end as they would have, then its connections are
    /// closed. So does a pool that nobody holds any more.
    package func retire() {
        let wasRetired = self.record.isRetired.exchange(true, ordering: .relaxed)
        if !wasRetired { _ = self.orders.post(.retire(self.record)) }
    }

    /// Sockets that are open at present, those included that are about to be connected.
    package var openConnections: Int { self.record.openConnections.load(ordering: .relaxed) }
    /// Sockets that were opened so far.
    package var connectionsOpened: Int { self.record.connectionsOpened.load(ordering: .relaxed) }
    /// Transfers that have not ended: waiting for a connection, or under way.
    package var transfersInFlight: Int { self.record.transfersInFlight.load(ordering: .relaxed) }
}
