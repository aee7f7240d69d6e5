// SPDX-License-Identifier: Apache-2.0

import CCurl
import COpenSSL

/// The connections of HTTP/1.1 on which a transfer is under way, among those that should all be of HTTP/2. Belongs to the
/// engine's thread.
///
/// A server may agree on HTTP/2 with one connection and on HTTP/1.1 with the next: it was replaced, or others stand behind
/// its name. libcurl 7.88 takes every connection to a host for one of HTTP/2 once it has seen one. It then sends a second
/// request on one of HTTP/1.1 before the first is answered, and gives one transfer the answer to the other.
final class BusyConnections {
    private var connections: Set<UInt> = []

    /// What tells a connection from all others that are open.
    typealias Connection = UInt

    /// - Returns: false if the connection is busy already.
    func occupy(_ connection: Connection) -> Bool { self.connections.insert(connection).inserted }

    func release(_ connection: Connection) { self.connections.remove(connection) }
}

extension EasyHandle {
    /// The connection that is about to carry the transfer; nil if it is one of HTTP/2, which carries many.
    var exclusiveConnection: BusyConnections.Connection? {
        guard let session = unsafe keyside_curl_get_tls(self.pointer) else { return nil }
        var name: UnsafePointer<UInt8>?
        var byteCount: UInt32 = 0
        unsafe SSL_get0_alpn_selected(OpaquePointer(session), &name, &byteCount)
        let chosen = unsafe UnsafeBufferPointer(start: name, count: Int(byteCount))
        return unsafe chosen.elementsEqual("h2".utf8) ? nil : UInt(bitPattern: session)
    }
}
