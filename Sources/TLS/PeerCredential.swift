// SPDX-License-Identifier: Apache-2.0

package import Cryptography

/// What the certificates that a client has sent say of it. Of those, KES passes over the certificates of authorities, and
/// expects exactly one other.
package enum PeerCredential: Equatable, Sendable {
    /// None, or only those of authorities.
    case none
    /// Several that are nobody's but a client's own.
    case several
    /// The client has proven that it has the key of this identity.
    case identity(Identity)
}

/// The form in which a session ticket carries it: `[kind, 1 byte][identity, 32 bytes, zero unless it is one]`. A ticket is
/// enciphered, and nobody but the server can read or make it.
extension PeerCredential {
    private static let kinds: (none: UInt8, several: UInt8, identity: UInt8) = (0, 1, 2)

    var ticketData: [UInt8] {
        switch self {
        case .none: [Self.kinds.none]
        case .several: [Self.kinds.several]
        case .identity(let identity): [Self.kinds.identity] + identity.bytes
        }
    }

    /// What is not to be understood is no identity.
    init(ticketData bytes: [UInt8]) {
        switch bytes.first {
        case Self.kinds.several: self = .several
        case Self.kinds.identity: self = Identity(bytes.dropFirst()).map(PeerCredential.identity) ?? .none
        case _: self = .none
        }
    }
}
