// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// A certificate authority: its certificate and private key.
package struct CertificateIssuer: Sendable {
    let certificate: Certificate
    let key: PrivateKey

    package init(certificate: Certificate, key: PrivateKey) {
        self.certificate = certificate
        self.key = key
    }
}

/// Creates X.509 v3 certificates with a random serial number.
extension Certificate {
    /// How long before `now` the validity begins, because servers' clocks differ.
    private static let secondsOfGrace = 300

    /// - Parameters:
    ///   - key: the owner's.
    ///   - issuer: nil: self-signed.
    ///   - now: seconds since 1970.
    package convenience init(
        _ profile: CertificateProfile, of key: PrivateKey, signedBy issuer: CertificateIssuer? = nil, now: Int
    ) throws(CryptographyError) {
        guard let x509 = unsafe X509_new() else { throw .reported(by: "X509_new") }
        do throws(CryptographyError) {
            try Self.check(unsafe X509_set_version(x509, Int(X509_VERSION_3)), "X509_set_version")
            unsafe try Self.setSerialNumber(of: x509)
            unsafe try Self.setValidity(of: x509, days: profile.daysOfValidity, now: now)
            try Self.check(unsafe X509_set_pubkey(x509, key.key), "X509_set_pubkey")
            let issuerX509 = unsafe issuer?.certificate.x509 ?? x509
            unsafe try Self.setNames(of: x509, profile.subject, issuer: issuerX509)
            for (kind, value) in profile.purpose.extensions {
                unsafe try Self.add(kind, value, to: x509, issuer: issuerX509)
            }
            let signer = issuer?.key ?? key
            try Self.check(unsafe X509_sign(x509, signer.key, signer.digest), "X509_sign")
        } catch {
            unsafe X509_free(x509)
            throw error
        }
        unsafe try self.init(owning: x509)
    }

    private static func setSerialNumber(of x509: OpaquePointer) throws(CryptographyError) {
        let bytes: InlineArray<16, UInt8> = try Randomness.bytes()
        let number = unsafe bytes.span.withUnsafeBufferPointer { bytes in
            unsafe BN_bin2bn(bytes.baseAddress, Int32(bytes.count), nil)
        }
        defer { unsafe BN_free(number) }
        guard unsafe BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != nil else {
            throw .reported(by: "BN_to_ASN1_INTEGER")
        }
    }

    private static func setValidity(of x509: OpaquePointer, days: Int32, now: Int) throws(CryptographyError) {
        var now = now
        guard unsafe X509_time_adj_ex(X509_getm_notBefore(x509), 0, -Self.secondsOfGrace, &now) != nil,
            unsafe X509_time_adj_ex(X509_getm_notAfter(x509), days, 0, &now) != nil
        else {
            throw .reported(by: "X509_time_adj_ex")
        }
    }

    private static func setNames(
        of x509: OpaquePointer, _ subject: CertificateProfile.Subject, issuer: OpaquePointer
    ) throws(CryptographyError) {
        let commonName =
            switch subject {
            case .named(let name): name
            case .identity: unsafe try Self.publicKeyFingerprint(of: x509).hexadecimal
            }
        let name = unsafe X509_get_subject_name(x509)
        try Self.check(
            unsafe X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, commonName, -1, -1, 0),
            "X509_NAME_add_entry_by_txt"
        )
        try Self.check(
            unsafe X509_set_issuer_name(x509, X509_get_subject_name(issuer)), "X509_set_issuer_name")
    }

    private static func add(
        _ kind: CertificateExtension, _ value: String, to x509: OpaquePointer, issuer: OpaquePointer
    ) throws(CryptographyError) {
        var context = unsafe X509V3_CTX()
        unsafe X509V3_set_ctx(&context, issuer, x509, nil, nil, 0)
        guard let own = unsafe X509V3_EXT_conf_nid(nil, &context, kind.number, value) else {
            throw .reported(by: "X509V3_EXT_conf_nid")
        }
        defer { unsafe X509_EXTENSION_free(own) }
        try Self.check(unsafe X509_add_ext(x509, own, -1), "X509_add_ext")
    }

    private static func check(_ status: Int32, _ function: StaticString) throws(CryptographyError) {
        guard status > 0 else { throw .reported(by: function) }
    }
}

extension CertificateExtension {
    /// OpenSSL's NID of the extension.
    fileprivate var number: Int32 {
        switch self {
        case .basicConstraints: NID_basic_constraints
        case .keyUsage: NID_key_usage
        case .extendedKeyUsage: NID_ext_key_usage
        case .subjectAlternativeName: NID_subject_alt_name
        case .subjectKeyIdentifier: NID_subject_key_identifier
        case .authorityKeyIdentifier: NID_authority_key_identifier
        }
    }
}
