// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// The authorities that a server's certificate must come from: the system's, and those that are added.
///
/// OpenSSL looks the system's up one by one as they are needed, where the distribution keeps them in a folder of hashed
/// names (Debian does): 140 parsed certificates would take more than 1 MB of locked memory. `SSL_CERT_FILE` and
/// `SSL_CERT_DIR` name others, as everywhere.
///
/// `@unchecked Sendable`: an `X509_STORE` has a lock of its own.
@safe package final class TrustStore: @unchecked Sendable {
    private let store: OpaquePointer

    /// - Parameter includingSystem: whether the system's authorities are trusted.
    package init(includingSystem: Bool = true) throws(CryptographyError) {
        guard let store = unsafe X509_STORE_new() else { throw .reported(by: "X509_STORE_new") }
        unsafe self.store = store
        guard includingSystem else { return }
        guard unsafe X509_STORE_set_default_paths(store) == 1 else {
            throw .reported(by: "X509_STORE_set_default_paths")
        }
        ERR_clear_error()  // A default file that is not there is no failure, but leaves a trace.
    }

    deinit { unsafe X509_STORE_free(self.store) }

    /// Trusts a certificate. One that is there already is not kept twice.
    package func add(_ certificate: Certificate) throws(CryptographyError) {
        guard unsafe X509_STORE_add_cert(self.store, certificate.x509) == 1 else {
            throw .reported(by: "X509_STORE_add_cert")
        }
    }

    /// Has a new `SSL_CTX` check its peer against this store, which both then hold.
    @unsafe func install(in context: OpaquePointer) {
        unsafe SSL_CTX_set1_cert_store(context, self.store)
    }
}
