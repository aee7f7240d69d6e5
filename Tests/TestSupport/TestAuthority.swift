// SPDX-License-Identifier: Apache-2.0

import CTestSupport

/// A certificate authority of a test's own.
package struct TestAuthority: Sendable {
    package static let localNames = ["DNS:localhost", "IP:127.0.0.1", "IP:::1"]

    package let pair: TestKeyPair

    package init(name: String = "Keyside test authority", validity: CertificateValidity = .current) throws(TestFailure)
    {
        let key = try TestKeyKind.p256.makeKey()
        let wanted = WantedCertificate(commonName: name, key: key, isAuthority: true, validity: validity)
        self.init(try TestKeyPair(certificate: try wanted.make(signedBy: nil), key: key))
    }

    /// An authority that was kept.
    package init(_ pair: TestKeyPair) { self.pair = pair }

    /// PEM.
    package var certificate: String { self.pair.certificate }

    /// A server's certificate.
    ///
    /// - Parameter names: as OpenSSL's configuration has them, `DNS:…` and `IP:…`.
    package func issueServer(
        names: [String] = Self.localNames, validity: CertificateValidity = .current
    ) throws(TestFailure) -> TestKeyPair {
        let key = try TestKeyKind.p256.makeKey()
        var wanted = WantedCertificate(commonName: "server", key: key, isAuthority: false, validity: validity)
        wanted.alternativeNames = names.joined(separator: ",")
        wanted.usage = "serverAuth"
        return try TestKeyPair(certificate: try wanted.make(signedBy: self.pair), key: key)
    }

    /// A client's certificate.
    ///
    /// - Parameter key: an earlier one, PEM: a certificate renewed with the same key keeps its identity.
    package func issueClient(
        _ name: String = "client", kind: TestKeyKind = .p256, key: String? = nil,
        validity: CertificateValidity = .current
    ) throws(TestFailure) -> TestKeyPair {
        let key = if let key { key } else { try kind.makeKey() }
        var wanted = WantedCertificate(commonName: name, key: key, isAuthority: false, validity: validity)
        wanted.usage = "clientAuth"
        return try TestKeyPair(certificate: try wanted.make(signedBy: self.pair), key: key)
    }
}

extension TestKeyPair {
    /// A certificate that is signed with its own key.
    package static func selfSigned(
        _ name: String = "client", kind: TestKeyKind = .p256, isAuthority: Bool = false
    ) throws(TestFailure) -> TestKeyPair {
        let key = try kind.makeKey()
        let wanted = WantedCertificate(commonName: name, key: key, isAuthority: isAuthority, validity: .current)
        return try TestKeyPair(certificate: try wanted.make(signedBy: nil), key: key)
    }

    /// A certificate for this pair's public key, signed with a key that somebody else made up.
    package func forgedCertificate() throws(TestFailure) -> String {
        var wanted = WantedCertificate(
            commonName: "forged", key: try TestKeyKind.p256.makeKey(), isAuthority: false, validity: .current)
        wanted.publicKeyOwner = self.certificate
        return try wanted.make(signedBy: nil)
    }
}

extension TestAuthority {
    /// An authority below this one.
    package func issueAuthority(_ name: String = "intermediate") throws(TestFailure) -> TestAuthority {
        let key = try TestKeyKind.p256.makeKey()
        let wanted = WantedCertificate(commonName: name, key: key, isAuthority: true, validity: .current)
        return TestAuthority(try TestKeyPair(certificate: try wanted.make(signedBy: self.pair), key: key))
    }
}

/// What a certificate is to say.
struct WantedCertificate {
    var commonName: String
    /// PEM.
    var key: String
    /// A certificate whose public key it gets in place of that of `key`.
    var publicKeyOwner: String?
    var isAuthority: Bool
    var validity: CertificateValidity
    var alternativeNames: String?
    var usage: String?

    /// - Parameter issuer: nil: itself.
    /// - Returns: PEM.
    func make(signedBy issuer: TestKeyPair?) throws(TestFailure) -> String {
        let certificate = unsafe self.commonName.withCString { commonName in
            unsafe self.key.withCString { key in
                unsafe Self.withCString(issuer?.certificate) { issuerCertificate in
                    unsafe Self.withCString(issuer?.key) { issuerKey in
                        unsafe Self.withCString(self.alternativeNames) { alternativeNames in
                            unsafe Self.withCString(self.usage) { usage in
                                unsafe Self.withCString(self.publicKeyOwner) { publicKeyOwner in
                                    var wanted = unsafe testsupport_certificate(
                                        common_name: commonName, key: key, public_key_of: publicKeyOwner,
                                        issuer: issuerCertificate, issuer_key: issuerKey,
                                        alternative_names: alternativeNames, extended_key_usage: usage,
                                        is_authority: self.isAuthority, not_before: Int64(self.validity.notBefore),
                                        not_after: Int64(self.validity.notAfter))
                                    SharedMemory.giveToOpenSSL()
                                    return unsafe takeText(testsupport_certificate_make(&wanted))
                                }
                            }
                        }
                    }
                }
            }
        }
        guard let certificate else { throw .unusable("OpenSSL makes no certificate for '\(self.commonName)'") }
        return certificate
    }

    private static func withCString<Result>(
        _ text: String?, _ body: (UnsafePointer<CChar>?) -> Result
    ) -> Result {
        guard let text else { return body(nil) }
        return unsafe text.withCString { unsafe body($0) }
    }
}
