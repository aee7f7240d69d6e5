// SPDX-License-Identifier: Apache-2.0

/// The contents of a new certificate.
package struct CertificateProfile: Sendable {
    enum Subject: Sendable {
        case named(String)
        /// KES's identity of the key.
        case identity
    }

    enum Purpose: Sendable {
        /// A CA for server certificates.
        case authority
        /// A server with these names, in the syntax of OpenSSL's configuration: `DNS:localhost`, `IP:127.0.0.1`.
        case server(names: [String])
        case client
    }

    let subject: Subject
    let purpose: Purpose
    let daysOfValidity: Int32

    /// A certificate for an API key, with the properties that KES's own clients give it. Valid for 90 days.
    static let apiKey = CertificateProfile(subject: .identity, purpose: .client, daysOfValidity: 90)

    /// A client certificate in a file. Valid for ten years: KES identifies the client by its key and ignores dates.
    package static let client = CertificateProfile(subject: .identity, purpose: .client, daysOfValidity: Self.tenYears)

    /// A CA that signs one certificate. Valid for ten years, like that certificate, so that it need not be renewed.
    package static let authority = CertificateProfile(
        subject: .named("Keyside local authority"), purpose: .authority, daysOfValidity: Self.tenYears)

    /// A server certificate.
    ///
    /// - Parameter names: `DNS:…` and `IP:…`, without commas; at least one.
    package static func server(names: [String]) -> CertificateProfile {
        precondition(!names.isEmpty && !names.contains { $0.contains(",") }, "names must not contain commas")
        return CertificateProfile(
            subject: .named("Keyside"), purpose: .server(names: names), daysOfValidity: Self.tenYears)
    }

    private static let tenYears: Int32 = 3650
}

extension CertificateProfile.Purpose {
    /// OpenSSL's names of extensions and their values, in the order of the certificate.
    var extensions: [(kind: CertificateExtension, value: String)] {
        switch self {
        case .authority:
            [
                (.basicConstraints, "critical,CA:TRUE,pathlen:0"), (.keyUsage, "critical,keyCertSign,cRLSign"),
                (.subjectKeyIdentifier, "hash"),
            ]
        case .server(let names):
            [
                (.basicConstraints, "critical,CA:FALSE"), (.keyUsage, "critical,digitalSignature"),
                (.extendedKeyUsage, "serverAuth"), (.subjectAlternativeName, names.joined(separator: ",")),
                (.authorityKeyIdentifier, "keyid:always"),
            ]
        case .client:
            [
                (.basicConstraints, "critical,CA:FALSE"), (.keyUsage, "critical,digitalSignature"),
                (.extendedKeyUsage, "clientAuth"),
            ]
        }
    }
}

/// The supported certificate extensions.
enum CertificateExtension {
    case basicConstraints, keyUsage, extendedKeyUsage, subjectAlternativeName, subjectKeyIdentifier,
        authorityKeyIdentifier
}
