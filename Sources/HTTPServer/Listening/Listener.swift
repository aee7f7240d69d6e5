// SPDX-License-Identifier: Apache-2.0

package import Linux
package import TLS

/// A socket that listens, and how those who connect to it are served.
package struct Listener: Sendable {
    package let name: ListenerName
    /// Counts its connections, and says how many there may be.
    package let connections: ConnectionCount
    /// What answers its requests.
    let fronts: FrontRouter
    /// What it shows; nil without TLS.
    let tls: ServerTLS?
    /// The server's from the moment that it is handed one.
    let socket: CInt

    private init(
        _ name: ListenerName, _ socket: consuming Descriptor, _ tls: ServerTLS?, _ connections: ConnectionCount,
        _ fronts: FrontRouter
    ) {
        self.name = name
        self.socket = socket.relinquish()
        self.tls = tls
        self.connections = connections
        self.fronts = fronts
    }

    /// A Unix socket: HTTP/1.1, and HTTP/2 where a client begins with it.
    package static func unix(
        _ socket: consuming Descriptor, connections: ConnectionCount, fronts: FrontRouter
    ) -> Listener {
        Listener(.unix, socket, nil, connections, fronts)
    }

    /// A TCP socket: TLS, and the version of HTTP that it agrees on.
    package static func tls(
        _ socket: consuming Descriptor, showing tls: ServerTLS, connections: ConnectionCount, fronts: FrontRouter
    ) -> Listener {
        Listener(.tls, socket, tls, connections, fronts)
    }
}
