// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// The certificate for an API key. KES looks at its public key alone; all else is as KES's own clients make it, so that
/// whatever stands in between is used to it.
extension Certificate {
    /// How long it is valid, as with KES's own clients.
    private static let daysOfValidity: Int32 = 90
    /// Its validity begins that long ago, since clocks of servers differ.
    private static let secondsOfGrace = 300

    /// X.509 v3, issuer and subject `CN=` KES's identity, for client authentication only.
    convenience init(selfSignedBy key: PrivateKey, now: Int) throws(CryptographyError) {
        guard let x509 = unsafe X509_new() else { throw .reported(by: "X509_new") }
        do throws(CryptographyError) {
            try Self.check(unsafe X509_set_version(x509, Int(X509_VERSION_3)), "X509_set_version")
            unsafe try Self.setSerialNumber(of: x509)
            unsafe try Self.setValidity(of: x509, now: now)
            try Self.check(unsafe X509_set_pubkey(x509, key.key), "X509_set_pubkey")
            unsafe try Self.setNames(of: x509)
            unsafe try Self.add(NID_basic_constraints, "critical,CA:FALSE", to: x509)
            unsafe try Self.add(NID_key_usage, "critical,digitalSignature", to: x509)
            unsafe try Self.add(NID_ext_key_usage, "clientAuth", to: x509)
            // Ed25519 has a digest of its own.
            try Self.check(unsafe X509_sign(x509, key.key, nil), "X509_sign")
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

    private static func setValidity(of x509: OpaquePointer, now: Int) throws(CryptographyError) {
        var now = now
        guard unsafe X509_time_adj_ex(X509_getm_notBefore(x509), 0, -Self.secondsOfGrace, &now) != nil,
            unsafe X509_time_adj_ex(X509_getm_notAfter(x509), Self.daysOfValidity, 0, &now) != nil
        else {
            throw .reported(by: "X509_time_adj_ex")
        }
    }

    private static func setNames(of x509: OpaquePointer) throws(CryptographyError) {
        let identity = unsafe try Self.publicKeyFingerprint(of: x509).hexadecimal
        let name = unsafe X509_get_subject_name(x509)
        try Self.check(
            unsafe X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, identity, -1, -1, 0),
            "X509_NAME_add_entry_by_txt"
        )
        try Self.check(unsafe X509_set_issuer_name(x509, name), "X509_set_issuer_name")
    }

    private static func add(_ kind: Int32, _ value: String, to x509: OpaquePointer) throws(CryptographyError) {
        guard let own = unsafe X509V3_EXT_conf_nid(nil, nil, kind, value) else {
            throw .reported(by: "X509V3_EXT_conf_nid")
        }
        defer { unsafe X509_EXTENSION_free(own) }
        try Self.check(unsafe X509_add_ext(x509, own, -1), "X509_add_ext")
    }

    private static func check(_ status: Int32, _ function: StaticString) throws(CryptographyError) {
        guard status > 0 else { throw .reported(by: function) }
    }
}
