// SPDX-License-Identifier: Apache-2.0

/// What a certificate says that is made here.
package struct CertificateProfile: Sendable {
    enum Subject: Sendable {
        case named(String)
        /// KES's identity of the key.
        case identity
    }

    enum Purpose: Sendable {
        /// To sign those of servers.
        case authority
        /// To serve by these names, as OpenSSL's configuration has them: `DNS:localhost`, `IP:127.0.0.1`.
        case server(names: [String])
        case client
    }

    let subject: Subject
    let purpose: Purpose
    let daysOfValidity: Int32

    /// As KES's own clients make it for an API key, so that whatever stands in between is used to it: it lives for 90 days.
    static let apiKey = CertificateProfile(subject: .identity, purpose: .client, daysOfValidity: 90)

    /// A client's that stays in a file. It lives for ten years: KES knows the client by the key and looks at no dates.
    package static let client = CertificateProfile(subject: .identity, purpose: .client, daysOfValidity: Self.tenYears)

    /// An authority's that signs once, so that it need not be made again: it lives for ten years, as what it signs.
    package static let authority = CertificateProfile(
        subject: .named("Keyside local authority"), purpose: .authority, daysOfValidity: Self.tenYears)

    /// A server's.
    ///
    /// - Parameter names: `DNS:…` and `IP:…`, without commas and at least one.
    package static func server(names: [String]) -> CertificateProfile {
        precondition(!names.isEmpty && !names.contains { $0.contains(",") }, "names stand in a list")
        return CertificateProfile(
            subject: .named("Keyside"), purpose: .server(names: names), daysOfValidity: Self.tenYears)
    }

    private static let tenYears: Int32 = 3650
}

extension CertificateProfile.Purpose {
    /// OpenSSL's names of extensions and values, in the order in which they stand in the certificate.
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

/// What can be said in a certificate besides its names and dates.
enum CertificateExtension {
    case basicConstraints, keyUsage, extendedKeyUsage, subjectAlternativeName, subjectKeyIdentifier,
        authorityKeyIdentifier
}
