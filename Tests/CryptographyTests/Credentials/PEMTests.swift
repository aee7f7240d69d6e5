// SPDX-License-Identifier: Apache-2.0

import Cryptography
import TestSupport
import Testing

/// Files that are not quite what they should be.
struct PEMTests {
    /// Before anything else of OpenSSL's is used.
    init() throws { _ = try SharedMemory.secrets }

    static let key = PrivateKeyTests.desKey
    static let certificate = PrivateKeyTests.certificate

    @Test(
        "What stands around and between the lines does not matter",
        arguments: [
            Self.certificate + "\n",
            "subject=CN = t\n\n" + Self.certificate,
            Self.certificate.replacing("\n", with: "\r\n"),
            Self.certificate.replacing("\n", with: " \t\n  "),
            Self.certificate + "\nand a trailing remark with a colon: here",
            "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + Self.certificate,
        ]
    )
    func tolerance(text: String) throws {
        #expect(try Read.chain(text).leaf.subject == "CN=t")
    }

    @Test(
        "A file without a certificate says what is in it",
        arguments: [
            ("", []), ("garbage", []), ("-----BEGIN CERTIFICATE----\n", []),
            (Self.key, ["EC PRIVATE KEY"]),
            (Self.key + "\n" + Self.key, ["EC PRIVATE KEY", "EC PRIVATE KEY"]),
            (String(repeating: "\0", count: 5000), []),
        ] as [(String, [String])]
    )
    func noCertificate(text: String, found: [String]) throws {
        let error = credentialError { _ = try Read.chain(text) }
        #expect(error == .noCertificate(found: found))
        #expect(error?.description.hasPrefix("contains no PEM certificate") == true)
    }

    @Test(
        "A file without a private key says what is in it",
        arguments: [("", []), ("garbage", []), (Self.certificate, ["CERTIFICATE"])] as [(String, [String])]
    )
    func noKey(text: String, found: [String]) throws {
        let error = credentialError { _ = try Read.key(text) }
        #expect(error == .noPrivateKey(found: found))
        #expect(error?.description.hasPrefix("contains no PEM private key") == true)
    }

    @Test("A file that breaks off anywhere is never taken for a whole one", arguments: [Self.key, Self.certificate])
    func halfWritten(text: String) throws {
        let isKey = text == Self.key
        let label = isKey ? "EC PRIVATE KEY" : "CERTIFICATE"
        for count in 0..<text.utf8.count {
            let part = String(text.prefix(count))
            let error = credentialError {
                if isKey { _ = try Read.key(part, password: "secret") } else { _ = try Read.chain(part) }
            }
            switch error {
            case .truncated(label, line: 1), .noCertificate(found: []), .noPrivateKey(found: []): break
            default: Issue.record("after \(count) characters: \(String(describing: error))")
            }
        }
    }

    @Test(
        "A damaged block is reported with its line",
        arguments: [
            ("MIIB", "MI!B", CredentialError.notBase64(label: "CERTIFICATE", line: 3)),
            ("MIIBZzCCA", "MIIBZzCC", .notBase64(label: "CERTIFICATE", line: 3)),
            ("MIIBZzCC", "", .malformed(label: "CERTIFICATE", line: 3, reason: "wrong tag")),
            ("-----END CERTIFICATE", "-----END X509 CRL", .truncated(label: "CERTIFICATE", line: 3)),
        ]
    )
    func damage(part: String, replacement: String, error: CredentialError) throws {
        let text = "one\ntwo\n" + Self.certificate.replacing(part, with: replacement)
        #expect(credentialError { _ = try Read.chain(text) } == error)
        #expect(error.description.hasPrefix("line 3: "))
    }

    @Test(
        "Base64 of something else is no certificate, and no key",
        arguments: ["CERTIFICATE", "PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "RSA PRIVATE KEY"])
    func somethingElse(label: String) throws {
        let text = "-----BEGIN \(label)-----\nAAECAwQFBgcICQ==\n-----END \(label)-----\n"
        let error = credentialError {
            if label == "CERTIFICATE" { _ = try Read.chain(text) } else { _ = try Read.key(text) }
        }
        guard case .malformed(label, line: 1, reason: _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test(
        "A key for other programs is named", arguments: ["OPENSSH PRIVATE KEY", "DSA PRIVATE KEY", "SOME PRIVATE KEY"])
    func unsupported(label: String) throws {
        let text = "-----BEGIN \(label)-----\nAAECAwQFBgcICQ==\n-----END \(label)-----\n"
        #expect(credentialError { _ = try Read.key(text) } == .unsupportedKey(label: label))
    }

    @Test("What a key shares its file with is told")
    func companions() throws {
        let parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
        let key = try Read.key("\(parameters)\(Self.key)\n\(Self.certificate)", password: "secret")
        #expect(key.otherBlocks == ["EC PARAMETERS", "CERTIFICATE"])
        #expect(try Read.key(Self.key, password: "secret").otherBlocks.isEmpty)
    }

    @Test("No label is longer or stranger than may be shown")
    func labels() throws {
        let long = String(repeating: "A", count: 200)
        for label in [long, "A\u{1b}[31m", "Ä"] {
            let text = "-----BEGIN \(label)-----\nAAEC\n-----END \(label)-----\n"
            #expect(credentialError { _ = try Read.chain(text) } == .noCertificate(found: []))
        }
    }
}
