// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Settings
import TLS

/// The certificate of the TLS listener, and the CA certificates for its clients.
struct ServerCertificate: Sendable {
    let context: TLSContext
    /// Distinguishes certificates.
    let fingerprints: [[UInt8]]
    /// Of the server's own certificate.
    let validity: Validity

    /// - Throws: if OpenSSL rejects the certificate.
    init(_ plan: ListenerPlan) throws(CredentialError) {
        self.context = try TLSContext(plan.certifiedKey, clientAuthorities: plan.clientAuthorities)
        self.fingerprints = plan.fingerprints
        self.validity = plan.certifiedKey.validity
    }
}

extension ListenerPlan {
    /// The fingerprints of its certificates, an empty separator, and those of the client CA certificates.
    var fingerprints: [[UInt8]] {
        self.certifiedKey.chain.certificates.map(\.fingerprint) + [[]]
            + (self.clientAuthorities ?? []).map(\.fingerprint)
    }
}

/// Why the listener's files cannot be used. Names settings and files; never a secret.
struct ListenerFault: Error, Hashable, Sendable, CustomStringConvertible {
    let description: String

    init(_ diagnostics: [Diagnostic]) {
        self.description = diagnostics.filter { $0.severity == .error }.map(\.advice).joined(separator: "; ")
    }

    private init(_ description: String) { self.description = description }

    /// The files may be valid.
    static let noMemory = ListenerFault(
        "out of locked memory while reading the listener certificate; reload again, or increase LimitMEMLOCK= "
            + "and memory.locked_max")
}
