// SPDX-License-Identifier: Apache-2.0

import CTestSupport

/// What a certificate says of its owner.
package struct CertificateFacts: Hashable, Sendable {
    /// SHA-256 of the public key (SubjectPublicKeyInfo, DER) in hexadecimal: what KES calls a client by.
    package let identity: String
    /// Hexadecimal.
    package let serial: String
    package let isAuthority: Bool
    package let validity: CertificateValidity

    /// - Parameter bytes: DER, or PEM, of which the first certificate counts.
    /// - Throws: `.malformed`.
    package init(_ bytes: [UInt8]) throws(TestFailure) {
        SharedMemory.giveToOpenSSL()
        var facts = testsupport_certificate_facts()
        let isRead = unsafe testsupport_certificate_read(bytes, bytes.count, &facts)
        guard isRead else { throw .malformed("no certificate") }
        self.identity = unsafe withUnsafeBytes(of: facts.identity) { unsafe Self.text($0) }
        self.serial = unsafe withUnsafeBytes(of: facts.serial) { unsafe Self.text($0) }
        self.isAuthority = facts.is_authority
        self.validity = CertificateValidity(notBefore: Int(facts.not_before), notAfter: Int(facts.not_after))
    }

    private static func text(_ bytes: UnsafeRawBufferPointer) -> String {
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}
