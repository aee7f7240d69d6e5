// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import Glibc
import LockedMemory

/// The validity period of a certificate, in seconds since 1970-01-01T00:00:00Z, both ends included.
package struct Validity: Hashable, Sendable {
    package let notBefore: Int
    package let notAfter: Int

    package init(notBefore: Int, notAfter: Int) {
        self.notBefore = notBefore
        self.notAfter = notAfter
    }

    /// - Parameter now: seconds since 1970.
    package func hasBegun(at now: Int) -> Bool { now >= self.notBefore }
    /// - Parameter now: seconds since 1970.
    package func hasEnded(at now: Int) -> Bool { now > self.notAfter }
}

/// A parsed X.509 certificate.
///
/// `@unchecked Sendable`: immutable, and OpenSSL counts references atomically.
@safe package final class Certificate: @unchecked Sendable {
    /// SHA-256 over the DER encoding.
    package let fingerprint: [UInt8]
    package let validity: Validity
    /// In the format of RFC 2253: `CN=kes,O=Example`.
    package let subject: String
    /// Whether its basic constraints are `CA:TRUE`.
    package let isAuthority: Bool

    let x509: OpaquePointer

    /// - Parameter der: one certificate; bytes after it are ignored.
    /// - Throws: `.openSSL` with the reason if it cannot be parsed.
    convenience init(der: borrowing Secret) throws(CryptographyError) {
        let x509 = unsafe der.withUnsafeBytes { bytes in
            var start = unsafe bytes.bindMemory(to: UInt8.self).baseAddress
            return unsafe d2i_X509(nil, &start, bytes.count)
        }
        guard let x509 = unsafe x509 else { throw .reported(by: "d2i_X509") }
        try unsafe self.init(owning: x509)
    }

    /// Takes ownership of a certificate.
    init(owning x509: OpaquePointer) throws(CryptographyError) {
        unsafe self.x509 = x509
        self.fingerprint = unsafe Self.fingerprint(of: x509)
        self.subject = unsafe Self.text(of: X509_get_subject_name(x509))
        self.isAuthority = unsafe X509_get_extension_flags(x509) & UInt32(EXFLAG_CA) != 0
        guard let notBefore = unsafe Self.seconds(X509_get0_notBefore(x509)),
            let notAfter = unsafe Self.seconds(X509_get0_notAfter(x509))
        else {
            unsafe X509_free(x509)
            throw .reported(by: "ASN1_TIME_to_tm")
        }
        self.validity = Validity(notBefore: notBefore, notAfter: notAfter)
        ERR_clear_error()  // Unreadable extensions leave errors in OpenSSL's queue.
    }

    deinit { unsafe X509_free(self.x509) }

    /// Whether it has subject alternative names, the only names that clients check.
    package var hasAlternativeNames: Bool { unsafe X509_get_ext_by_NID(self.x509, NID_subject_alt_name, -1) >= 0 }

    /// SHA-256 over the public key as encoded in the certificate (SubjectPublicKeyInfo, DER): KES's identity of the
    /// certificate's owner.
    func publicKeyFingerprint() throws(CryptographyError) -> [UInt8] {
        unsafe try Self.publicKeyFingerprint(of: self.x509)
    }

    static func publicKeyFingerprint(of x509: OpaquePointer) throws(CryptographyError) -> [UInt8] {
        var der: UnsafeMutablePointer<UInt8>?
        let byteCount = unsafe i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &der)
        guard byteCount > 0 else { throw .reported(by: "i2d_X509_PUBKEY") }
        defer { unsafe CRYPTO_free(der, nil, 0) }
        return try unsafe SHA256.digest(UnsafeRawBufferPointer(start: der, count: Int(byteCount)))
    }

    private static func fingerprint(of x509: OpaquePointer) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: SHA256.byteCount)
        unsafe X509_digest(x509, EVP_sha256(), &digest, nil)
        return digest
    }

    private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int? {
        var parts = unsafe tm()
        guard unsafe ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
        return unsafe timegm(&parts)
    }

    private static func text(of name: OpaquePointer?) -> String {
        guard let output = unsafe BIO_new(BIO_s_mem()) else { return "" }
        defer { unsafe BIO_free(output) }
        unsafe keyside_name_print(output, name)
        var text = [UInt8](repeating: 0, count: 256)
        let byteCount = unsafe BIO_read(output, &text, Int32(text.count))
        return String(decoding: text.prefix(max(0, Int(byteCount))), as: UTF8.self)
    }
}
