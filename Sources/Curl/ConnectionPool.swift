// SPDX-License-Identifier: Apache-2.0

/// Connections that were opened with the same credentials.
///
/// libcurl tells connections, and TLS sessions, apart by host and port and by the names of files, not by what was
/// installed in their SSL_CTX. So new credentials need a pool of their own, and the one before is retired.
package final class ConnectionPool: Sendable {
    /// Sends a request and waits for its answer, whatever its status. Cancelling the task ends the transfer at once and
    /// makes room for the next; over HTTP/1.1 its connection goes with it.
    ///
    /// - Throws: ``TransferFailure``.
    package func perform(_ transfer: consuming Transfer) async throws(TransferFailure) -> TransferAnswer {
        throw TransferFailure(.stopped, reason: "", requestWasSent: false)
    }

    /// Takes no more transfers: they throw `.retired`. Those that were given to it before end as they would have, then
    /// its connections are closed. So does a pool that nobody holds any more.
    package func retire() {}

    /// Sockets that are open at present, those included that are about to be connected.
    package var openConnections: Int { 0 }
    /// Sockets that were opened so far.
    package var connectionsOpened: Int { 0 }
    /// Transfers that have not ended: waiting for a connection, or under way.
    package var transfersInFlight: Int { 0 }
}
