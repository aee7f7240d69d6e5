// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// Who one end of a connection is: a certificate that it shows, those above it, and the private key that proves that it is
/// its own.
///
/// Immutable, and usable from any thread.
package final class CertifiedKey: Sendable {
    /// What KES knows a client with it as: SHA-256 of the public key, 64 hexadecimal digits. A new certificate for the same
    /// key is the same identity.
    package let identity: String
    package let chain: CertificateChain

    private let key: PrivateKey

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

    /// What OpenSSL has against the pair is better known now than at the first connection.
    private func tryOut() throws(CredentialError) {
        guard let context = unsafe SSL_CTX_new(TLS_client_method()) else {
            throw .failed(.reported(by: "SSL_CTX_new"))
        }
        defer { unsafe SSL_CTX_free(context) }
        guard unsafe self.install(in: context) else { throw .refused(reason: OpenSSLLibrary.takeReason()) }
    }

    /// Gives a new `SSL_CTX` the certificates and the key, which both then hold.
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
    /// Why KES would refuse the certificate on every request, where it would: of what a client sends, KES passes over the
    /// certificates of authorities, and expects exactly one other.
    package enum KESIncompatibility: Equatable, Sendable {
        /// The client's own certificate is an authority's, as `openssl req -x509` makes it by itself.
        case isAuthority
        case severalOthers(count: Int)
    }

    package var kesObjection: KESIncompatibility? {
        let others = self.chain.certificates.count { !$0.isAuthority }
        if others > 1 { return .severalOthers(count: others) }
        return self.chain.leaf.isAuthority ? .isAuthority : nil
    }
}

extension [UInt8] {
    /// Two lower-case digits a byte.
    var hexadecimal: String {
        self.reduce(into: "") { $0 += ($1 < 16 ? "0" : "") + String($1, radix: 16) }
    }
}
