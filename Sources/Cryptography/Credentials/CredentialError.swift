// SPDX-License-Identifier: Apache-2.0

/// Why a text is not a valid API key, private key or certificate, or why two of them do not match. Says what was found
/// and expected, never the text itself.
package enum CredentialError: Error, Equatable, Sendable {
    // MARK: API keys
    case apiKeyNotBase64(offset: Int)
    case apiKeyByteCount(Int)
    case apiKeyType

    // MARK: PEM texts; lines count from 1
    /// There is no certificate. `found`: the labels of the blocks.
    case noCertificate(found: [String])
    /// There is no private key. `found`: the labels of the blocks.
    case noPrivateKey(found: [String])
    /// A block has no end line.
    case truncated(label: String, line: Int)
    /// The contents of a block are not base64.
    case notBase64(label: String, line: Int)
    /// The contents of a block do not match its label.
    case malformed(label: String, line: Int, reason: String)
    /// The format of the private key is not supported.
    case unsupportedKey(label: String)

    // MARK: Encrypted private keys
    case malformedEncryption
    case unsupportedEncryption(String)
    /// Decryption needs more memory than can be locked: scrypt's 16 MiB.
    case costlyEncryption
    case passwordMissing
    /// Also if the file is damaged, which looks the same.
    case passwordWrong

    // MARK: Pairs
    /// The key does not belong to the first certificate. `position`: the certificate that it belongs to, counted from
    /// 1; nil if there is none.
    case keyOfAnotherCertificate(position: Int?)

    // MARK: Identities of TLS clients
    /// The first certificate is a CA certificate.
    case authorityAsClient
    /// More than one certificate is not a CA certificate.
    case severalClients(count: Int)
    /// The TLS listener refuses the key of the first certificate.
    case unacceptableKey(ClientKeyFault)
    /// OpenSSL rejects it: the key is too short, or a signature is too weak.
    case refused(reason: String)

    /// OpenSSL or locked memory failed unexpectedly.
    case failed(CryptographyError)
}

extension CredentialError {
    /// Maps unexpected failures to `.failed`.
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
