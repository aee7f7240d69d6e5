// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// A certificate chain and the private key of its first certificate.
///
/// Immutable and thread-safe.
package final class CertifiedKey: Sendable {
    /// The KES identity: SHA-256 of the public key, 64 hexadecimal digits. A new certificate for the same key has the
    /// same identity.
    package let identity: String
    package let chain: CertificateChain

    private let key: PrivateKey

    /// Of the first certificate.
    package var validity: Validity { self.chain.leaf.validity }

    /// - Throws: `.keyOfAnotherCertificate`, `.refused`.
    package init(chain: CertificateChain, key: PrivateKey) throws(CredentialError) {
        guard key.belongs(to: chain.leaf) else {
            let position = chain.certificates.firstIndex(where: key.belongs)
            throw .keyOfAnotherCertificate(position: position.map { $0 + 1 })
        }
        self.chain = chain
        self.key = key
        self.identity = try CredentialError.wrapping { () throws(CryptographyError) in
            try chain.leaf.publicKeyFingerprint().hexadecimal
        }
        try self.tryOut()
    }

    /// Finds out now whether OpenSSL rejects the pair, not at the first connection.
    private func tryOut() throws(CredentialError) {
        guard let context = unsafe SSL_CTX_new(TLS_client_method()) else {
            throw .failed(.reported(by: "SSL_CTX_new"))
        }
        defer { unsafe SSL_CTX_free(context) }
        guard unsafe self.install(in: context) else { throw .refused(reason: OpenSSLLibrary.takeReason()) }
    }

    /// Installs certificates and key in a new `SSL_CTX`, which gets references to both.
    @unsafe package func install(in context: OpaquePointer) -> Bool {
        guard let above = unsafe OPENSSL_sk_new_null() else { return false }
        defer { unsafe OPENSSL_sk_free(above) }
        for certificate in self.chain.certificates.dropFirst() {
            guard unsafe OPENSSL_sk_push(above, UnsafeRawPointer(certificate.x509)) > 0 else { return false }
        }
        return unsafe SSL_CTX_use_cert_and_key(context, self.chain.leaf.x509, self.key.key, above, 1) == 1
    }
}

extension CertifiedKey {
    /// Why KES would refuse every request with this certificate, if it would: KES ignores CA certificates, and expects
    /// exactly one other certificate.
    package enum KESIncompatibility: Equatable, Sendable {
        /// The client's certificate is a CA certificate, the default of `openssl req -x509`.
        case isAuthority
        case severalOthers(count: Int)
    }

    /// Nil if KES would accept the certificate.
    package var kesObjection: KESIncompatibility? {
        let others = self.chain.certificates.count { !$0.isAuthority }
        if others > 1 { return .severalOthers(count: others) }
        return self.chain.leaf.isAuthority ? .isAuthority : nil
    }
}

extension [UInt8] {
    /// Two lower-case digits per byte.
    var hexadecimal: String {
        self.reduce(into: "") { $0 += ($1 < 16 ? "0" : "") + String($1, radix: 16) }
    }
}
