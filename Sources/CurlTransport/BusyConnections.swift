// SPDX-License-Identifier: Apache-2.0

import CCurl
import COpenSSL

/// The HTTP/1.1 connections with a transfer in flight, in a pool that should use HTTP/2 only. Owned by the engine's
/// thread.
///
/// A server may agree on HTTP/2 for one connection and on HTTP/1.1 for the next: it was replaced, or several servers
/// share its name. Once libcurl 7.88 has seen HTTP/2 on one connection to a host, it assumes HTTP/2 for all of them. It
/// then sends a second request on an HTTP/1.1 connection before the first is answered, and gives one transfer the
/// answer of the other.
final class BusyConnections {
    private var connections: Set<UInt> = []

    /// Identifies an open connection.
    typealias Connection = UInt

    /// - Returns: false if the connection is busy already.
    func occupy(_ connection: Connection) -> Bool { self.connections.insert(connection).inserted }

    func release(_ connection: Connection) { self.connections.remove(connection) }
}

extension EasyHandle {
    /// The connection that is about to carry the transfer. Nil for HTTP/2, which carries many.
    var exclusiveConnection: BusyConnections.Connection? {
        guard let session = unsafe keyside_curl_get_tls(self.pointer) else { return nil }
        var name: UnsafePointer<UInt8>?
        var byteCount: UInt32 = 0
        unsafe SSL_get0_alpn_selected(OpaquePointer(session), &name, &byteCount)
        let chosen = unsafe UnsafeBufferPointer(start: name, count: Int(byteCount))
        return unsafe chosen.elementsEqual("h2".utf8) ? nil : UInt(bitPattern: session)
    }
}
