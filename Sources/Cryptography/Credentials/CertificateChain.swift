// SPDX-License-Identifier: Apache-2.0

package import LockedMemory

/// The certificates of a text: the owner's own first, then those of the authorities above it.
package struct CertificateChain: Sendable {
    package let certificates: [Certificate]

    /// The owner's own.
    package var leaf: Certificate { self.certificates[0] }

    /// Reads every certificate of a text in PEM. Other blocks are passed over: the private key may stand in the same file,
    /// which is why the text is a secret.
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

/// What of a text can be trusted: every certificate that can be read, as MinIO takes them.
package struct AuthorityList: Sendable {
    package private(set) var certificates: [Certificate] = []
    /// What is wrong with those that cannot.
    package private(set) var faults: [CredentialError] = []

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
