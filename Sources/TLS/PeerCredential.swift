// SPDX-License-Identifier: Apache-2.0

import COpenSSL
package import Cryptography

/// A client's identity, according to its certificates.
///
/// TLS proves possession of the key in the first certificate only, so the identity is always that of the first
/// certificate. KES skips CA certificates and uses the remaining one, whose key was not proven. The difference is
/// deliberate.
package enum PeerCredential: Equatable, Sendable {
    /// The client sent no certificate.
    case none
    /// The first certificate is a CA certificate, which identifies no client.
    case authority
    /// A second certificate is not a CA certificate. KES refuses such a list, too.
    case several
    /// The client has proven that it holds the key of this identity.
    case identity(Identity)

    /// Why the certificates give no identity; nil if they do, or if there is no certificate.
    package var objection: String? {
        switch self {
        case .none, .identity: nil
        case .authority: "the first certificate is a CA certificate (CA:TRUE)"
        case .several: "a second certificate is not a CA certificate"
        }
    }
}

extension PeerCredential {
    /// Derives the identity from a client's certificates.
    ///
    /// - Parameters:
    ///   - leaf: the first certificate, nil if there is none.
    ///   - others: the following certificates.
    @unsafe init(leaf: OpaquePointer?, others: some Sequence<OpaquePointer>) {
        defer { ERR_clear_error() }  // Unreadable extensions leave errors in OpenSSL's queue.
        guard let leaf = unsafe leaf else {
            self = .none
            return
        }
        if unsafe Self.isAuthority(leaf) {
            self = .authority
        } else if unsafe !others.allSatisfy({ unsafe Self.isAuthority($0) }) {
            self = .several
        } else {
            self = unsafe Identity(ofKeyIn: leaf).map(PeerCredential.identity) ?? .none
        }
    }

    private static func isAuthority(_ x509: OpaquePointer) -> Bool {
        unsafe X509_get_extension_flags(x509) & UInt32(EXFLAG_CA) != 0
    }

    /// The contents of a session ticket: the 32 bytes of the identity, or nothing. Tickets are encrypted and
    /// authenticated by the server.
    var ticketData: [UInt8] {
        guard case .identity(let identity) = self else { return [] }
        return identity.bytes
    }

    /// - Parameter bytes: the contents of a ticket. Anything but an identity gives `.none`.
    init(ticketData bytes: [UInt8]) { self = Identity(bytes).map(PeerCredential.identity) ?? .none }
}
