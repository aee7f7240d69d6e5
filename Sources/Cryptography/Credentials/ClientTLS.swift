// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// What a TLS client shows of itself, and whom it believes: made once, installed in every new connection.
///
/// Certificates and keys are handed over as OpenSSL's own objects, counted and not copied, so that a connection costs no
/// parsing and a private key is nowhere as text.
package final class ClientTLS: Sendable {
    /// Nil for a client that shows no certificate.
    package let identity: CertifiedKey?
    package let trust: TrustStore

    package init(identity: CertifiedKey?, trust: TrustStore) {
        self.identity = identity
        self.trust = trust
    }

    /// Gives a new `SSL_CTX` the identity and the authorities. Usable from any thread, for any number of contexts.
    ///
    /// - Returns: false if OpenSSL refuses; the reason is in the thread's error queue.
    @unsafe package func install(in context: OpaquePointer) -> Bool {
        unsafe self.trust.install(in: context)
        guard let identity = self.identity else { return true }
        return unsafe identity.install(in: context)
    }
}
