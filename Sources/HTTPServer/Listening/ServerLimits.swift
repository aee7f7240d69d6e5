// SPDX-License-Identifier: Apache-2.0

package import HTTP2
package import Linux

/// What a client may take of the server's time and memory.
package struct ServerLimits: Sendable {
    /// Open connections per listener. Beyond it, the oldest unauthenticated one is closed; if there is none, 503 and close.
    package var connections: Int
    /// Connections to a TLS listener whose client is not known; for one more, the oldest is dropped.
    package var unauthenticatedConnections = 128
    /// From the first byte of a request until its head is complete.
    package var headerTimeout: Interval
    /// From the first byte of a client of TLS until its handshake is done; also how long there may be none.
    package var handshakeTimeout: Interval = .seconds(10)
    /// Without a request, or without an answer being read.
    package var idleTimeout: Interval
    /// From the first byte of an answer that ends a connection until the client closes it.
    package var lingerTimeout: Interval = .seconds(1)
    /// How long a connection that is idle when a drain begins stays open for a request that is on its way.
    package var drainGrace: Interval = .milliseconds(100)
    /// Bytes of unparsed input that all unauthenticated clients together may hold.
    package var unauthenticatedInputByteCount = 4 << 20
    package var http2 = HTTP2Limits()

    package init(connections: Int, headerTimeout: Interval, idleTimeout: Interval) {
        self.connections = connections
        self.headerTimeout = headerTimeout
        self.idleTimeout = idleTimeout
    }
}
