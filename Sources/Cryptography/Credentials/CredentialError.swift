// SPDX-License-Identifier: Apache-2.0

/// Why a text is no API key, private key, certificate or authority, or why two of them do not go together. It tells what
/// was found and what was expected, never the text.
package enum CredentialError: Error, Equatable, Sendable {
    // API keys.
    case apiKeyNotBase64(offset: Int)
    case apiKeyByteCount(Int)
    case apiKeyType

    // Texts in PEM. Lines count from 1.
    /// There is no certificate; `found` are the labels of what there is.
    case noCertificate(found: [String])
    /// There is no private key; `found` are the labels of what there is.
    case noPrivateKey(found: [String])
    /// A block begins and does not end.
    case truncated(label: String, line: Int)
    /// What stands in a block is not base64.
    case notBase64(label: String, line: Int)
    /// What stands in a block is not what its label says.
    case malformed(label: String, line: Int, reason: String)
    /// A private key in a form that is not read.
    case unsupportedKey(label: String)

    // Encrypted private keys.
    case malformedEncryption
    case unsupportedEncryption(String)
    /// It takes more memory to open than is locked: scrypt's 16 MiB.
    case costlyEncryption
    case passwordMissing
    /// Also where the file is damaged: the two cannot be told apart.
    case passwordWrong

    // Pairs.
    /// The first certificate has another key; the key belongs to the certificate at `position`, counted from 1, if to any
    /// of them.
    case keyOfAnotherCertificate(position: Int?)

    // Identities of TLS clients.
    /// The first certificate is a CA certificate.
    case authorityAsClient
    /// More than one certificate is not a CA certificate.
    case severalClients(count: Int)
    /// The TLS listener refuses the key of the first certificate.
    case unacceptableKey(ClientKeyFault)
    /// OpenSSL has a rule against it: too short a key, too weak a signature.
    case refused(reason: String)

    /// OpenSSL or locked memory failed where they have no reason to.
    case failed(CryptographyError)
}

extension CredentialError {
    /// Runs what fails only where it has no reason to.
    static func wrapping<Result: ~Copyable>(
        _ body: () throws(CryptographyError) -> Result
    ) throws(CredentialError) -> Result {
        do throws(CryptographyError) {
            return try body()
        } catch {
            throw .failed(error)
        }
    }
}

extension CredentialError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .apiKeyNotBase64(let offset):
            "kes: invalid API key: illegal base64 data at input byte \(offset); expected kes:v1: and 44 characters"
        case .apiKeyByteCount(let count):
            "kes: invalid API key: invalid length; it holds \(count) bytes, expected 33 (44 characters of base64)"
        case .apiKeyType:
            "kes: invalid API key: unsupported type; expected type 0, Ed25519"
        case .noCertificate(let found):
            "contains no PEM certificate\(Self.listing(found)); expected '-----BEGIN CERTIFICATE-----'"
        case .noPrivateKey(let found):
            "contains no PEM private key\(Self.listing(found)); expected '-----BEGIN PRIVATE KEY-----' or the like"
        case .truncated(let label, let line):
            "line \(line): \(label) begins here and does not end; expected '-----END \(label)-----'"
        case .notBase64(let label, let line):
            "line \(line): \(label) is not base64"
        case .malformed(let label, let line, let reason):
            "line \(line): \(label) cannot be read: \(reason)"
        case .unsupportedKey(let label):
            "contains \(label), which is not supported; convert the key to PKCS#8 with 'openssl pkey'"
        case .malformedEncryption:
            "malformed DEK-Info header; expected a cipher, a comma and an IV in hexadecimal digits"
        case .unsupportedEncryption(let name):
            "encrypted with \(name), which this OpenSSL does not have; "
                + "re-encrypt the key with 'openssl pkcs8 -topk8 -v2 aes-256-cbc'"
        case .costlyEncryption:
            "its encryption, such as scrypt, needs more memory than can be locked; "
                + "re-encrypt the key with 'openssl pkcs8 -topk8 -v2 aes-256-cbc'"
        case .passwordMissing:
            "the private key is encrypted, and there is no password"
        case .passwordWrong:
            "the private key is encrypted, and the password is wrong"
        case .keyOfAnotherCertificate(nil):
            "the private key does not belong to the certificate"
        case .keyOfAnotherCertificate(let position?):
            "the private key belongs to certificate \(position) of the file; expected its own certificate first"
        case .authorityAsClient:
            "the first certificate is a CA certificate (CA:TRUE) and cannot identify a client; put the client's own "
                + "certificate first, or create one with 'openssl req -x509 -addext basicConstraints=CA:FALSE'"
        case .severalClients(let count):
            "contains \(count) client certificates (CA:FALSE), expected 1; keep the client's own certificate and its "
                + "CA certificates, and remove the others"
        case .unacceptableKey(let fault):
            "the TLS listener refuses the certificate: \(fault)"
        case .refused(let reason):
            "OpenSSL refuses the certificate and its key: \(reason)"
        case .failed(.memory):
            "no locked memory left"
        case .failed(let error):
            "OpenSSL failed: \(error)"
        }
    }

    private static func listing(_ labels: [String]) -> String {
        labels.isEmpty ? "" : ", only " + labels.joined(separator: ", ")
    }
}
