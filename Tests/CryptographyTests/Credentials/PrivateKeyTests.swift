// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Synchronization
import TestSupport
import Testing

/// Keys as the openssl program writes them, in every form that operators may have.
struct PrivateKeyTests {
    /// Before anything else of OpenSSL's is used.
    init() throws { _ = try SharedMemory.secrets }

    enum Kind: String, Sendable, CaseIterable {
        case rsa = "RSA"
        case p256 = "P-256"
        case p384 = "P-384"
        case p521 = "P-521"
        case ed25519 = "ED25519"

        var arguments: [String] {
            switch self {
            case .rsa: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
            case .p256, .p384, .p521: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:\(self.rawValue)"]
            case .ed25519: ["-algorithm", "ED25519"]
            }
        }
    }

    enum Form: String, Sendable, CaseIterable {
        case pkcs8 = "pkey"
        /// PKCS#1 of RSA, SEC 1 of the curves.
        case traditional = "pkey -traditional"
        case tripleDES = "pkey -traditional -des3"
        case aes128 = "pkey -traditional -aes128"
        case aes192 = "pkey -traditional -aes192"
        case aes256 = "pkey -traditional -aes256"
        case pbes2 = "pkcs8 -topk8"
        case pbes2TripleDES = "pkcs8 -topk8 -v2 des3"
        case pbes2AES128SHA512 = "pkcs8 -topk8 -v2 aes-128-cbc -v2prf hmacWithSHA512"
        case pbes1TripleDES = "pkcs8 -topk8 -v1 PBE-SHA1-3DES"

        var isEncrypted: Bool { self != .pkcs8 && self != .traditional }
        /// Ed25519 has no form of its own.
        var isTraditional: Bool { self.rawValue.contains("-traditional") }
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let kind: Kind
        let form: Form

        var testDescription: String { "\(self.kind.rawValue), \(self.form.rawValue)" }

        static let all = Kind.allCases.flatMap { kind in
            Form.allCases.filter { kind != .ed25519 || !$0.isTraditional }.map { Case(kind: kind, form: $0) }
        }

        /// The key, and a certificate of it.
        func make(password: String = Self.password) throws -> (key: String, certificate: String) {
            let plain = try Plain.get(self.kind)
            let folder = try TemporaryDirectory()
            let encryption = self.form.isEncrypted ? ["-passout", "pass:\(password)"] : []
            try OpenSSLCommand.run(
                self.form.rawValue.split(separator: " ").map(String.init) + encryption
                    + ["-in", try folder.write(plain.key, to: "plain.pem"), "-out", "key.pem"], in: folder)
            return (try text(of: folder("key.pem")), plain.certificate)
        }

        static let password = "correct horse"
    }

    /// A key of each kind in PKCS#8, and a certificate of it.
    private enum Plain {
        private typealias Pair = (key: String, certificate: String)

        private static let made = Mutex<[Kind: Pair]>([:])

        static func get(_ kind: Kind) throws -> (key: String, certificate: String) {
            try Self.made.withLock { made in
                let pair = try made[kind] ?? Self.make(kind)
                made[kind] = pair
                return pair
            }
        }

        private static func make(_ kind: Kind) throws -> Pair {
            let folder = try TemporaryDirectory()
            try OpenSSLCommand.run(["genpkey", "-out", "key.pem"] + kind.arguments, in: folder)
            try OpenSSLCommand.run(
                "req", "-x509", "-key", "key.pem", "-subj", "/CN=client", "-addext", "basicConstraints=CA:FALSE",
                "-days", "30", "-out", "certificate.pem", in: folder)
            return (try text(of: folder("key.pem")), try text(of: folder("certificate.pem")))
        }
    }

    @Test("Keys of every kind are read in every form", arguments: Case.all)
    func forms(pair: Case) throws {
        let (key, certificate) = try pair.make()
        let password = pair.form.isEncrypted ? Case.password : nil
        let identity = try Read.identity(certificate, key, password: password)
        #expect(identity.identity == (try CertificateFacts(Array(certificate.utf8))).identity)
    }

    @Test(
        "Without its password, or with another, an encrypted key is told from a damaged one",
        arguments: Form.allCases.filter(\.isEncrypted)
    )
    func passwords(form: Form) throws {
        let (key, _) = try Case(kind: .p256, form: form).make()
        #expect(credentialError { _ = try Read.key(key) } == .passwordMissing)
        #expect(credentialError { _ = try Read.key(key, password: "") } == .passwordWrong)
        #expect(credentialError { _ = try Read.key(key, password: "wrong horse") } == .passwordWrong)
    }

    @Test("Where there is no password, the empty one is tried")
    func emptyPassword() throws {
        let (key, certificate) = try Case(kind: .ed25519, form: .pbes2).make(password: "")
        _ = try Read.identity(certificate, key)
    }

    @Test("A password that is not needed does no harm")
    func needlessPassword() throws {
        let (key, certificate) = try Case(kind: .p256, form: .pkcs8).make()
        _ = try Read.identity(certificate, key, password: "unused")
    }

    // Written by OpenSSL 3.0 with its legacy provider, which the agent must do without.

    static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBZzCCAQ2gAwIBAgIUEPK+/VX1BDb0R57kh1kh2KnI3yowCgYIKoZIzj0EAwIw
        DDEKMAgGA1UEAwwBdDAeFw0yNjExMjQwMjUzNDJaFw0yNjExMjcwMjUzNDJaMAwx
        CjAIBgNVBAMMAXQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQc5cZ5A3ImdfJ5
        Bu8oURFHEPR7vzrc0DpA8SF2SkJspidqyiJqmGdny3Po6x9IjofLuwxNSy3DXBTE
        68pPuaz8o00wSzAdBgNVHQ4EFgQUXwPOW9NIY3HkQP+e2xeYDes4n7AwHwYDVR0j
        BBgwFoAUXwPOW9NIY3HkQP+e2xeYDes4n7AwCQYDVR0TBAIwADAKBggqhkjOPQQD
        AgNIADBFAiEAla1ER0faTkIxHGrmDLh9DMcrWY5aCLovAWbtBxXj7KMCIBCeqKWJ
        Smp4Aa3KXLRU2ZID6By+2Pq75Aspzv9GYuG3
        -----END CERTIFICATE-----
        """

    static let desKey = """
        -----BEGIN EC PRIVATE KEY-----
        Proc-Type: 4,ENCRYPTED
        DEK-Info: DES-CBC,30F315672CBFA234

        mdNTRnuLw7fl8SLyclyOPTaifBDn4Pr/MUanlIrwZ4TLGm+cfo3t3jZuv3KZrVag
        d+kZgCw1WfBcimJ+gZZZfADTgyVEa0h6FEYykSW2y5UYFCbpbK0bkxpNernZEdNQ
        5dbyJpVG7BnCSoGDDtVRJjpj6c6CDXqY9IaExCHDvTo=
        -----END EC PRIVATE KEY-----
        """

    static let pbeWithMD5AndDESKey = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIGwMBsGCSqGSIb3DQEFAzAOBAgrp0tXagVlKAICCAAEgZDZbQuR6GNF3z8h6oPy
        uXJayOwKfYeKCVba4gA/UQjQQv9ogS9Nux+rIivvTGk4NwVe8D0FtrylrrhpQxJK
        7XD4pU1UBeHmwkQz4ZZXRyx3M4BoNP0HQoxA15MID8ODRg7NapEIBzTHS23VgMG9
        Ofjz4G8TEEwG1GBY1Uxm1GVSo0/AsWeay8nr+nirW6sy7GE=
        -----END ENCRYPTED PRIVATE KEY-----
        """

    @Test("DES needs no legacy provider")
    func des() throws {
        _ = try Read.identity(Self.certificate, Self.desKey, password: "secret")
        #expect(credentialError { _ = try Read.key(Self.desKey) } == .passwordMissing)
        #expect(credentialError { _ = try Read.key(Self.desKey, password: "Secret") } == .passwordWrong)
    }

    @Test("An encryption that this OpenSSL lacks is named, with a way out")
    func unsupportedEncryption() throws {
        let error = credentialError { _ = try Read.key(Self.pbeWithMD5AndDESKey, password: "secret") }
        #expect(error == .unsupportedEncryption("pbeWithMD5AndDES-CBC"))
        #expect(error?.description.contains("openssl pkcs8 -topk8 -v2 aes-256-cbc") == true)
    }

    @Test("scrypt, which takes more memory than is locked, is told from a wrong password")
    func scrypt() throws {
        let folder = try TemporaryDirectory()
        try OpenSSLCommand.run(
            "pkcs8", "-topk8", "-scrypt", "-in", try folder.write(Plain.get(.p256).key, to: "plain.pem"), "-passout",
            "pass:secret", "-out", "key.pem", in: folder)
        let key = try text(of: folder("key.pem"))
        #expect(credentialError { _ = try Read.key(key, password: "secret") } == .costlyEncryption)
    }

    @Test(
        "A header that names no encryption, or half of one, is refused",
        arguments: [
            ("DES-CBC,30F315672CBFA234", "RC2-CBC,30F315672CBFA234", CredentialError.unsupportedEncryption("RC2-CBC")),
            ("DES-CBC,30F315672CBFA234", "DES-CBC", .malformedEncryption),
            ("DES-CBC,30F315672CBFA234", "DES-CBC,", .malformedEncryption),
            ("DES-CBC,30F315672CBFA234", "DES-CBC,30F3", .malformedEncryption),
            ("DES-CBC,30F315672CBFA234", "DES-CBC,30F315672CBFA23", .malformedEncryption),
            ("DES-CBC,30F315672CBFA234", "DES-CBC,30F315672CBFA23X", .malformedEncryption),
            ("DES-CBC,30F315672CBFA234", "AES-128-CBC,30F315672CBFA234", .malformedEncryption),
            // Without its last line the text is no whole number of blocks.
            ("dbyJpVG7BnCSoGDDtVRJjpj6c6CDXqY9IaExCHDvTo=\n", "\n", .notBase64(label: "EC PRIVATE KEY", line: 1)),
        ]
    )
    func malformedEncryption(part: String, replacement: String, error: CredentialError) throws {
        let key = Self.desKey.replacing(part, with: replacement)
        try #require(key != Self.desKey)
        #expect(credentialError { _ = try Read.key(key, password: "secret") } == error)
    }
}
