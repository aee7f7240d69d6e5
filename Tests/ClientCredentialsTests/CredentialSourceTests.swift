// SPDX-License-Identifier: Apache-2.0

import ClientCredentials
import Cryptography
import Glibc
import TestSupport
import Testing

/// What is in files, and what the operator is told about it.
struct CredentialSourceTests {
    let folder: CredentialFolder

    init() throws { self.folder = try CredentialFolder() }

    @Test("A pair is loaded", arguments: TestKeyKind.allCases)
    func pair(kind: TestKeyKind) throws {
        let pair = try self.folder.issue(kind: kind)
        let credentials = try self.folder.source().load(now: now())
        #expect(credentials.identity.identity == pair.identity)
        #expect(credentials.tls.identity === credentials.identity)
        #expect(credentials.warnings.isEmpty)
    }

    @Test("An API key is loaded")
    func apiKey() throws {
        let key = try TestAPIKey()
        let credentials = try self.folder.apiKeySource(key.text).load(now: now())
        #expect(credentials.identity.identity == key.identity)
    }

    @Test("An API key that is none is refused, and not shown")
    func badAPIKey() throws {
        let fault = try #require(self.fault(of: try self.folder.apiKeySource("kes:v1:c2VjcmV0")))
        #expect(fault.role == .client)
        #expect(fault.description.hasPrefix("MINIO_KMS_KES_API_KEY: kes: invalid API key: invalid length"))
        #expect(!fault.description.contains("c2Vj"))
    }

    @Test("Relative paths are taken from where the agent starts")
    func relativePaths() throws {
        let memory = try SharedMemory.secrets
        let source = CredentialSource(
            authentication: .certificate(certFile: "a.crt", keyFile: "/b.key", password: nil), caPath: "c",
            memory: memory, serviceAccountFolder: "/d")
        let here = try #require(getcwd(nil, 0))
        defer { free(here) }
        #expect(source.paths == ["\(String(cString: here))/a.crt", "/b.key", "\(String(cString: here))/c", "/d"])
    }

    // MARK: What is wrong with a pair

    enum Damage: String, Sendable, CaseIterable {
        case certFileMissing, keyFileMissing, certFileIsAFolder, keyFileIsAPipe
        case certFileEmpty, keyFileEmpty, certFileIsGarbage, keyFileIsGarbage
        case swapped, keyOfAnother, keyOfAnotherInTheFile, certFileBreaksOff, keyFileBreaksOff, damagedKey
        case passwordMissing, passwordWrong, unknownEncryption, opensshKey

        /// What the operator reads, `@` being the folder.
        var message: String {
            switch self {
            case .certFileMissing:
                "MINIO_KMS_KES_CERT_FILE: @/client.crt: cannot be read: no such file or directory; "
                    + "use an existing file"
            case .keyFileMissing:
                "MINIO_KMS_KES_KEY_FILE: @/client.key: cannot be read: no such file or directory; "
                    + "use an existing file"
            case .certFileIsAFolder: "MINIO_KMS_KES_CERT_FILE: @/client.crt: is a directory; name a file in PEM"
            case .keyFileIsAPipe:
                "MINIO_KMS_KES_KEY_FILE: @/client.key: is a FIFO; expected a regular file "
                    + "(write what a shell's <(…) prints to a file first); name a file in PEM"
            case .certFileEmpty, .certFileIsGarbage:
                "MINIO_KMS_KES_CERT_FILE: @/client.crt: contains no PEM certificate; "
                    + "expected '-----BEGIN CERTIFICATE-----'"
            case .keyFileEmpty, .keyFileIsGarbage:
                "MINIO_KMS_KES_KEY_FILE: @/client.key: contains no PEM private key; "
                    + "expected '-----BEGIN PRIVATE KEY-----' or the like"
            case .swapped:
                "MINIO_KMS_KES_CERT_FILE: @/client.crt: contains no PEM certificate, only PRIVATE KEY; "
                    + "expected '-----BEGIN CERTIFICATE-----'; "
                    + "are MINIO_KMS_KES_CERT_FILE and MINIO_KMS_KES_KEY_FILE swapped?"
            case .keyOfAnother:
                "MINIO_KMS_KES_KEY_FILE: @/client.key: the private key does not belong to the certificate "
                    + "(certificate: @/client.crt)"
            case .keyOfAnotherInTheFile:
                "MINIO_KMS_KES_KEY_FILE: @/client.key: the private key belongs to certificate 2 of the file; "
                    + "expected its own certificate first (certificate: @/client.crt)"
            case .certFileBreaksOff:
                "MINIO_KMS_KES_CERT_FILE: @/client.crt: line 1: CERTIFICATE begins here and does not end; "
                    + "expected '-----END CERTIFICATE-----'; is the file still being written?"
            case .keyFileBreaksOff:
                "MINIO_KMS_KES_KEY_FILE: @/client.key: line 1: PRIVATE KEY begins here and does not end; "
                    + "expected '-----END PRIVATE KEY-----'; is the file still being written?"
            case .damagedKey: "MINIO_KMS_KES_KEY_FILE: @/client.key: line 1: PRIVATE KEY is not base64"
            case .passwordMissing:
                "MINIO_KMS_KES_KEY_FILE: @/client.key: the private key is encrypted, and there is no password; "
                    + "set MINIO_KMS_KES_KEY_PASSWORD"
            case .passwordWrong:
                "MINIO_KMS_KES_KEY_FILE: @/client.key: the private key is encrypted, and the password is wrong; "
                    + "correct MINIO_KMS_KES_KEY_PASSWORD"
            case .unknownEncryption:
                "MINIO_KMS_KES_KEY_FILE: @/client.key: encrypted with RC2-CBC, which this OpenSSL does not have; "
                    + "re-encrypt the key with 'openssl pkcs8 -topk8 -v2 aes-256-cbc'"
            case .opensshKey:
                "MINIO_KMS_KES_KEY_FILE: @/client.key: contains OPENSSH PRIVATE KEY, which is not supported; "
                    + "convert the key to PKCS#8 with 'openssl pkey'"
            }
        }

        func make(in folder: CredentialFolder) throws {
            let pair = try folder.issue()
            let (certFile, keyFile) = (folder("client.crt"), folder("client.key"))
            switch self {
            case .certFileMissing: unlink(certFile)
            case .keyFileMissing: unlink(keyFile)
            case .certFileIsAFolder:
                unlink(certFile)
                mkdir(certFile, 0o755)
            case .keyFileIsAPipe:
                unlink(keyFile)
                mkfifo(keyFile, 0o600)
            case .certFileEmpty: try overwrite(certFile, with: "")
            case .keyFileEmpty: try overwrite(keyFile, with: "\n")
            case .certFileIsGarbage: try overwrite(certFile, with: "garbage\0\u{1b}[31m")
            case .keyFileIsGarbage: try overwrite(keyFile, with: "-----BEGIN\n-----END")
            case .swapped:
                try overwrite(certFile, with: pair.key)
                try overwrite(keyFile, with: pair.certificate)
            case .keyOfAnother: try overwrite(keyFile, with: try folder.authority.issueClient().key)
            case .keyOfAnotherInTheFile:
                let other = try folder.authority.issueClient()
                try overwrite(certFile, with: other.certificate + pair.certificate)
            case .certFileBreaksOff: try overwrite(certFile, with: String(pair.certificate.prefix(200)))
            case .keyFileBreaksOff: try overwrite(keyFile, with: String(pair.key.prefix(100)))
            case .damagedKey: try overwrite(keyFile, with: pair.key.replacing("MI", with: "M!"))
            case .passwordMissing, .passwordWrong:
                try OpenSSLCommand.run(
                    "pkcs8", "-topk8", "-in", "client.key", "-passout", "pass:secret", "-out", "encrypted",
                    in: folder.folder)
                rename(folder("encrypted"), keyFile)
            case .unknownEncryption:
                let header = "-----BEGIN PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: RC2-CBC,0011223344556677\n"
                try overwrite(keyFile, with: pair.key.replacing("-----BEGIN PRIVATE KEY-----", with: header))
            case .opensshKey: try overwrite(keyFile, with: pair.key.replacing("PRIVATE", with: "OPENSSH PRIVATE"))
            }
        }
    }

    @Test("What is wrong with a pair is said with variable, file and a way out", arguments: Damage.allCases)
    func damage(_ damage: Damage) throws {
        try damage.make(in: self.folder)
        let password = damage == .passwordWrong ? "wrong" : nil
        let fault = try #require(self.fault(of: try self.folder.source(password: password)))
        #expect(fault.role == .client)
        #expect(fault.description == damage.message.replacing("@", with: self.folder.folder.path))
    }

    @Test("The right password opens the key")
    func password() throws {
        try Damage.passwordMissing.make(in: self.folder)
        #expect(try self.folder.source(password: "secret").load(now: now()).warnings.isEmpty)
    }

    @Test("A file that the agent's user may not read is told so", .enabled(if: Account.isRoot))
    func permission() throws {
        // Root may read everything: a file of /proc that nobody may.
        let source = try CredentialSource(
            authentication: .certificate(certFile: "/proc/sysrq-trigger", keyFile: "/", password: nil), caPath: nil,
            memory: SharedMemory.secrets)
        let fault = try #require(self.fault(of: source))
        #expect(fault.description.hasPrefix("MINIO_KMS_KES_CERT_FILE: /proc/sysrq-trigger: cannot be read: "))
    }

    // MARK: What is only warned of

    @Test("Dates are warned of at the start, since KES does not look at them by itself")
    func dates() throws {
        try self.folder.issue(validity: .expired)
        let expired = try self.folder.source().load(now: now()).warnings
        #expect(expired.count == 1)
        #expect(expired.first?.message.hasPrefix("the certificate expired at 2") == true)
        #expect(expired.first?.place == "MINIO_KMS_KES_CERT_FILE: \(self.folder("client.crt"))")

        try self.folder.issue(validity: .notYet)
        let early = try self.folder.source().load(now: now()).warnings
        #expect(early.first?.message.hasPrefix("the certificate is not valid before 2") == true)
        #expect(early.first?.remedy?.contains("clock") == true)
    }

    @Test("What MinIO or KES would not take is warned of")
    func otherBlocks() throws {
        let pair = try self.folder.issue()
        try overwrite(self.folder("client.key"), with: pair.key + pair.certificate)
        let warnings = try self.folder.source().load(now: now()).warnings
        #expect(warnings.map(\.message) == ["holds CERTIFICATE besides the private key; MinIO refuses this"])

        try self.folder.write(self.folder.authority.pair)
        #expect(try self.folder.source().load(now: now()).warnings.first?.message.contains("CA:TRUE") == true)
    }

    // MARK: Authorities

    private var caWarnings: [String] {
        get throws {
            try self.folder.issue()
            return try self.folder.source(caPath: "authorities").load(now: now()).warnings.map(\.description)
        }
    }

    private var caPlace: String { "MINIO_KMS_KES_CAPATH: \(self.folder("authorities"))" }

    @Test("A path that is missing is warned of, where MinIO says nothing")
    func caMissing() throws {
        #expect(
            try self.caWarnings
                == ["\(self.caPlace): cannot be read: no such file or directory; use an existing file"])
    }

    @Test("A file is taken for what of it can be read; the rest is warned of")
    func caFile() throws {
        let damaged = self.folder.authority.certificate.replacing("MI", with: "M!")
        try overwrite(self.folder("authorities"), with: damaged + self.folder.authority.certificate)
        #expect(try self.caWarnings == ["\(self.caPlace): line 1: CERTIFICATE is not base64"])
    }

    @Test(
        "A file without any is an error, as it is for MinIO", arguments: ["", "garbage", "-----BEGIN CERTIFICATE-----"])
    func caFileWithout(contents: String) throws {
        try self.folder.issue()
        try overwrite(self.folder("authorities"), with: contents)
        let fault = try #require(self.fault(of: try self.folder.source(caPath: "authorities")))
        #expect(fault.role == .authorities)
        #expect(fault.description.hasPrefix("\(self.caPlace): "))
    }

    @Test("Of a folder, every file in it that holds one is taken, whatever its name")
    func caFolder() throws {
        let authorities = try self.folder.folder.makeFolder("authorities")
        try overwrite("\(authorities)/README", with: "not a certificate")
        try overwrite("\(authorities)/one.txt", with: self.folder.authority.certificate)
        symlink("../ca.crt", "\(authorities)/link")
        symlink("nowhere", "\(authorities)/dangling")
        mkdir("\(authorities)/folder.pem", 0o755)
        try overwrite("\(authorities)/folder.pem/ignored", with: "-----BEGIN CERTIFICATE-----")
        mkfifo("\(authorities)/pipe", 0o600)
        #expect(try self.caWarnings.isEmpty)

        try overwrite("\(authorities)/half", with: String(self.folder.authority.certificate.prefix(100)))
        #expect(try self.caWarnings.count == 1)
        #expect(try self.caWarnings.first?.hasPrefix("\(self.caPlace)/half: line 1: CERTIFICATE begins here") == true)
    }

    @Test("A folder without any is warned of")
    func caFolderWithout() throws {
        _ = try self.folder.folder.makeFolder("authorities")
        #expect(
            try self.caWarnings == [
                "\(self.caPlace): no file in it contains a PEM certificate; expected '-----BEGIN CERTIFICATE-----'"
            ])
    }

    @Test("What lies in Kubernetes' own folder is trusted, and never warned of")
    func serviceAccount() throws {
        try self.folder.issue()
        let folder = try self.folder.folder.makeFolder("serviceaccount")
        try overwrite("\(folder)/ca.crt", with: self.folder.authority.certificate)
        try overwrite("\(folder)/token", with: "-----BEGIN CERTIFICATE-----")
        #expect(try self.folder.source().load(now: now()).warnings.isEmpty)
    }

    private func fault(of source: CredentialSource) -> CredentialFault? {
        do throws(CredentialFault) {
            _ = try source.load(now: now())
            return nil
        } catch {
            return error
        }
    }
}
