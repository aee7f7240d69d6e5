// SPDX-License-Identifier: Apache-2.0

package import Authorization
package import Cryptography
package import TLS

/// The listeners that there may be, as metrics and status name them.
package enum ListenerName: String, Sendable, CaseIterable {
    case unix, tls
}

/// Who asks, as far as the connection tells.
package struct Peer: Equatable, Sendable {
    /// Which listener the connection came by.
    package let listener: ListenerName
    /// What the client has proven by TLS; `.none` without TLS.
    package let credential: PeerCredential
    /// Whether a policy or the list of administrators named the client when its handshake completed. Clients of the Unix
    /// socket are always known; a TLS client is not before the end of its handshake. A later change of the policies does not show here.
    package let isKnown: Bool

    package init(_ listener: ListenerName, _ credential: PeerCredential = .none, isKnown: Bool = false) {
        self.listener = listener
        self.credential = credential
        self.isKnown = isKnown || listener == .unix
    }

    /// What policies can be bound to.
    package var principals: PrincipalSet {
        switch (self.listener, self.credential) {
        case (.unix, _): .local
        case (.tls, .identity(let identity)): .identity(identity)
        case (.tls, .none), (.tls, .authority), (.tls, .several): .none
        }
    }

    package var identity: Identity? {
        guard case .identity(let identity) = self.credential else { return nil }
        return identity
    }

    /// A client of the Unix socket.
    package static let local = Peer(.unix)
}
