// SPDX-License-Identifier: Apache-2.0

package import LockedMemory

extension Certificate {
    /// Whom KES knows the certificate's owner as.
    package func identity() throws(CryptographyError) -> Identity {
        guard let identity = Identity(try self.publicKeyFingerprint()) else {
            preconditionFailure("a digest is as long as an identity")
        }
        return identity
    }
}

extension Identity {
    /// Whom KES knows the sender of certificates as, or the owner of an API key.
    ///
    /// - Parameter text: certificates in PEM, or an API key without white space at its ends.
    /// - Throws: ``CredentialError``; `.noIdentity` where KES would refuse the certificates.
    package init(of text: borrowing Secret, memory: SecretMemory) throws(CredentialError) {
        guard PEMBlock.all(in: text).isEmpty else {
            self = try Identity(of: CertificateChain(pem: text, memory: memory))
            return
        }
        let certificate = try CertifiedKey(apiKey: text, now: 0, memory: memory).chain.leaf
        self = try CredentialError.wrapping { () throws(CryptographyError) in try certificate.identity() }
    }

    /// Of the certificates that a client sends, KES passes over those of authorities and expects exactly one other.
    private init(of chain: CertificateChain) throws(CredentialError) {
        let others = chain.certificates.filter { !$0.isAuthority }
        guard let certificate = others.first, others.count == 1 else { throw .noIdentity(certificates: others.count) }
        self = try CredentialError.wrapping { () throws(CryptographyError) in try certificate.identity() }
    }
}
