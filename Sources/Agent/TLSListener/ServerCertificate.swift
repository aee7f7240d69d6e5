// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Settings
import TLS

/// What the TLS listener shows, and whom it asks of clients to come from.
struct ServerCertificate: Sendable {
    let context: TLSContext
    /// What tells it from another.
    let fingerprints: [[UInt8]]
    /// Of the server's own certificate.
    let validity: Validity

    /// - Throws: when OpenSSL has a rule against the certificate.
    init(_ plan: ListenerPlan) throws(CredentialError) {
        self.context = try TLSContext(plan.certifiedKey, clientAuthorities: plan.clientAuthorities)
        self.fingerprints = plan.fingerprints
        self.validity = plan.certifiedKey.validity
    }
}

extension ListenerPlan {
    /// Its certificates and, behind an empty one, those of the authorities.
    var fingerprints: [[UInt8]] {
        self.certifiedKey.chain.certificates.map(\.fingerprint) + [[]]
            + (self.clientAuthorities ?? []).map(\.fingerprint)
    }
}

/// Why the listener's files cannot be used. Tells settings and files; never a secret.
struct ListenerFault: Error, Hashable, Sendable, CustomStringConvertible {
    let description: String

    init(_ diagnostics: [Diagnostic]) {
        self.description = diagnostics.filter { $0.severity == .error }.map(\.advice).joined(separator: "; ")
    }

    private init(_ description: String) { self.description = description }

    /// The files may be good.
    static let noMemory = ListenerFault(
        "out of locked memory while reading the listener certificate; reload again, or increase LimitMEMLOCK= "
            + "and memory.locked_max")
}
