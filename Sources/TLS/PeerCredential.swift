// SPDX-License-Identifier: Apache-2.0

import COpenSSL
package import Cryptography

/// Who the client is, according to the certificates that it sent.
///
/// TLS proves possession of the key in the first certificate and of no other. So the identity is always that of the first
/// certificate. KES skips CA certificates and takes the one that remains, which anybody can present; this is a
/// deliberate difference.
package enum PeerCredential: Equatable, Sendable {
    /// The client sent no certificate.
    case none
    /// The first certificate is a CA certificate, which identifies no client.
    case authority
    /// A second certificate is not a CA certificate. KES refuses such a list, too.
    case several
    /// The client has proven that it holds the key of this identity.
    case identity(Identity)

    /// Why the listener takes no identity from the certificates; nil if there is one, or no certificate.
    package var objection: String? {
        switch self {
        case .none, .identity: nil
        case .authority: "the first certificate is a CA certificate (CA:TRUE)"
        case .several: "a second certificate is not a CA certificate"
        }
    }
}

extension PeerCredential {
    /// Judges a client's certificates.
    ///
    /// - Parameters:
    ///   - leaf: the first certificate, nil if there is none.
    ///   - others: those that followed it.
    @unsafe init(leaf: OpaquePointer?, others: some Sequence<OpaquePointer>) {
        defer { ERR_clear_error() }  // Extensions that OpenSSL cannot read leave a trace.
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

    /// What a session ticket carries: the 32 bytes of the identity, or nothing. Only the server can read or make a ticket.
    var ticketData: [UInt8] {
        guard case .identity(let identity) = self else { return [] }
        return identity.bytes
    }

    /// - Parameter bytes: what a ticket carried. Anything but an identity is none.
    init(ticketData bytes: [UInt8]) { self = Identity(bytes).map(PeerCredential.identity) ?? .none }
}
