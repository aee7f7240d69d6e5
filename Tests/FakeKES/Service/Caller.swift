// SPDX-License-Identifier: Apache-2.0

import KESProtocol
import TestSupport

/// Who is at the other end of a connection, as KES sees it: of the certificates that are no authority's, exactly one.
struct Caller: Sendable {
    /// Nil where there is none, or several.
    let certificate: CertificateFacts?
    private let refusal: KESFailure?

    init(presenting certificates: [CertificateFacts]) {
        let own = certificates.filter { !$0.isAuthority }
        switch own.count {
        case 0: self.init(certificate: nil, refusal: Self.required)
        case 1: self.init(certificate: own[0], refusal: nil)
        case _:
            self.init(
                certificate: nil,
                refusal: KESFailure(status: 400, message: "tls: received more than one client certificate"))
        }
    }

    private init(certificate: CertificateFacts?, refusal: KESFailure?) {
        self.certificate = certificate
        self.refusal = refusal
    }

    private static let required = KESFailure(status: 400, message: "tls: client certificate is required")

    /// - Throws: the answer to every request of this caller, at endpoints that want to know who asks.
    var identity: String {
        get throws(KESFailure) {
            guard let certificate else {
                throw self.refusal ?? Self.required
            }
            return certificate.identity
        }
    }
}
