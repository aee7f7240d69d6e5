// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// The TLS configuration of a client: its identity and its trusted CA certificates. Created once and installed in every
/// new connection.
///
/// Certificates and keys are passed as references to OpenSSL's objects, so a connection parses nothing, and the private
/// key exists only once.
package final class ClientTLS: Sendable {
    /// Nil for a client without a certificate.
    package let identity: CertifiedKey?
    package let trust: TrustStore

    package init(identity: CertifiedKey?, trust: TrustStore) {
        self.identity = identity
        self.trust = trust
    }

    /// Installs the identity and the trust store in a new `SSL_CTX`. Thread-safe, for any number of contexts.
    ///
    /// - Returns: false if OpenSSL fails; the reason is in the thread's error queue.
    @unsafe package func install(in context: OpaquePointer) -> Bool {
        unsafe self.trust.install(in: context)
        guard let identity = self.identity else { return true }
        return unsafe identity.install(in: context)
    }
}
