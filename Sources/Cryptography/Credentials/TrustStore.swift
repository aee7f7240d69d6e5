// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// The CA certificates that a peer's certificate must chain to: the system's and added ones.
///
/// `@unchecked Sendable`: an `X509_STORE` has its own lock.
@safe package final class TrustStore: @unchecked Sendable {
    private let store: OpaquePointer

    /// - Parameter includingSystem: whether to trust the system's CA certificates.
    package init(includingSystem: Bool = true) throws(CryptographyError) {
        guard let store = unsafe X509_STORE_new() else { throw .reported(by: "X509_STORE_new") }
        unsafe self.store = store
        if includingSystem { try self.add(SystemAuthorities()) }
    }

    deinit { unsafe X509_STORE_free(self.store) }

    /// Trusts a certificate. Duplicates are ignored.
    package func add(_ certificate: Certificate) throws(CryptographyError) {
        guard unsafe X509_STORE_add_cert(self.store, certificate.x509) == 1 else {
            throw .reported(by: "X509_STORE_add_cert")
        }
    }

    /// Makes a new `SSL_CTX` verify its peer against this store, and gives it a reference.
    @unsafe package func install(in context: OpaquePointer) {
        unsafe SSL_CTX_set1_cert_store(context, self.store)
    }

    /// System certificates that cannot be read are skipped; the others are trusted.
    private func add(_ system: SystemAuthorities) throws(CryptographyError) {
        for file in system.files { unsafe X509_STORE_load_file(self.store, file) }
        guard let lookup = unsafe X509_STORE_add_lookup(self.store, X509_LOOKUP_hash_dir()) else {
            throw .reported(by: "X509_STORE_add_lookup")
        }
        for directory in system.hashedDirectories {
            unsafe X509_LOOKUP_ctrl(lookup, X509_L_ADD_DIR, directory, Int(X509_FILETYPE_PEM), nil)
        }
        ERR_clear_error()
    }
}
