// SPDX-License-Identifier: Apache-2.0

package import LockedMemory

extension Certificate {
    /// The KES identity of the certificate's owner.
    package func identity() throws(CryptographyError) -> Identity {
        guard let identity = Identity(try self.publicKeyFingerprint()) else {
            preconditionFailure("a digest is as long as an identity")
        }
        return identity
    }
}

extension Identity {
    /// The identity that the TLS listener derives from these certificates, or that of an API key's owner.
    ///
    /// - Parameter text: certificates in PEM, or an API key without surrounding white space.
    /// - Throws: ``CredentialError``; `.authorityAsClient`, `.severalClients` or `.unacceptableKey` if the listener
    ///   refuses the certificates.
    package init(of text: borrowing Secret, memory: SecretMemory) throws(CredentialError) {
        guard PEMBlock.all(in: text).isEmpty else {
            self = try Identity(of: CertificateChain(pem: text, memory: memory))
            return
        }
        let certificate = try CertifiedKey(apiKey: text, now: 0, memory: memory).chain.leaf
        self = try CredentialError.wrapping { () throws(CryptographyError) in try certificate.identity() }
    }

    /// The identity is that of the first certificate. The others must be CA certificates.
    private init(of chain: CertificateChain) throws(CredentialError) {
        guard !chain.leaf.isAuthority else { throw .authorityAsClient }
        let clients = chain.certificates.count { !$0.isAuthority }
        guard clients == 1 else { throw .severalClients(count: clients) }
        if let fault = unsafe ClientKeyFault(ofKeyIn: chain.leaf.x509) { throw .unacceptableKey(fault) }
        self = try CredentialError.wrapping { () throws(CryptographyError) in try chain.leaf.identity() }
    }
}
