// SPDX-License-Identifier: Apache-2.0

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

    package init(_ listener: ListenerName, _ credential: PeerCredential = .none) {
        self.listener = listener
        self.credential = credential
    }

    package var identity: Identity? {
        guard case .identity(let identity) = self.credential else { return nil }
        return identity
    }

    /// Somebody whom the socket's mode has let in.
    package static let local = Peer(.unix)
}
