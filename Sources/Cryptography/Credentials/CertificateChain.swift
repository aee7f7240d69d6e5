// SPDX-License-Identifier: Apache-2.0

package import LockedMemory

/// A certificate chain: the owner's certificate first, then the CA certificates above it.
package struct CertificateChain: Sendable {
    /// At least one.
    package let certificates: [Certificate]

    /// The owner's certificate.
    package var leaf: Certificate { self.certificates[0] }

    /// Parses every certificate of a PEM text. Other blocks are ignored: the private key may be in the same file, so
    /// the text is a secret.
    ///
    /// - Throws: ``CredentialError``.
    package init(pem text: borrowing Secret, memory: SecretMemory) throws(CredentialError) {
        let blocks = PEMBlock.all(in: text)
        var certificates: [Certificate] = []
        for block in blocks where block.isCertificate {
            certificates.append(try Certificate(block, of: text, memory: memory))
        }
        guard !certificates.isEmpty else { throw .noCertificate(found: blocks.map(\.label)) }
        self.certificates = certificates
    }

    init(of certificate: Certificate) { self.certificates = [certificate] }
}

/// The CA certificates of a PEM text. Certificates that cannot be parsed are skipped, as in MinIO.
package struct AuthorityList: Sendable {
    package private(set) var certificates: [Certificate] = []
    /// The errors of the skipped certificates.
    package private(set) var faults: [CredentialError] = []

    /// Parses every certificate of a text. Never fails; see ``faults``.
    package init(pem text: borrowing Secret, memory: SecretMemory) {
        for block in PEMBlock.all(in: text) where block.isCertificate {
            do throws(CredentialError) {
                self.certificates.append(try Certificate(block, of: text, memory: memory))
            } catch {
                self.faults.append(error)
            }
        }
    }
}

extension Certificate {
    fileprivate convenience init(
        _ block: PEMBlock,
        of text: borrowing Secret,
        memory: SecretMemory
    ) throws(CredentialError) {
        let der = try block.contents(of: text, in: memory)
        do throws(CryptographyError) {
            try self.init(der: der)
        } catch {
            guard case .openSSL(_, let reason) = error else { throw .failed(error) }
            throw .malformed(label: block.label, line: block.line, reason: reason)
        }
    }
}
