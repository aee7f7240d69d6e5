// SPDX-License-Identifier: Apache-2.0

import ClientCredentials
import Cryptography
import Glibc
import LockedMemory
import TestSupport

enum Shared {
    private static let memory = Result {
        unsetenv("SSL_CERT_FILE")  // A bundle of all the world's authorities, read for each test.
        return try SharedMemory.secrets
    }

    static func secretMemory() throws -> SecretMemory { try self.memory.get() }

    static func secret(_ text: String) throws -> SharedSecret {
        SharedSecret(try Secret(copying: Array(text.utf8).span, in: try Self.secretMemory()))
    }
}

/// A folder as an operator lays it out: `client.crt`, `client.key`, `ca.crt`.
struct CredentialFolder: Sendable {
    let folder: TemporaryDirectory
    let authority: TestAuthority

    init() throws {
        _ = try SharedMemory.secrets  // The authority is made by OpenSSL, in this process.
        self.folder = try TemporaryDirectory()
        self.authority = try TestAuthority()
        _ = try self.folder.write(self.authority.certificate, to: "ca.crt")
    }

    func callAsFunction(_ name: String) -> String { self.folder(name) }

    func write(_ pair: TestKeyPair) throws {
        try overwrite(self("client.crt"), with: pair.certificate)
        try overwrite(self("client.key"), with: pair.key)
    }

    /// A new pair, written.
    @discardableResult
    func issue(kind: TestKeyKind = .p256, validity: CertificateValidity = .current) throws -> TestKeyPair {
        let pair = try self.authority.issueClient(kind: kind, validity: validity)
        try self.write(pair)
        return pair
    }

    func source(
        certFile: String = "client.crt",
        keyFile: String = "client.key",
        password: String? = nil,
        caPath: String? = "ca.crt"
    ) throws -> CredentialSource {
        CredentialSource(
            authentication: .certificate(
                certFile: self(certFile), keyFile: self(keyFile), password: try password.map(Shared.secret)),
            caPath: caPath.map { self($0) },
            memory: try SharedMemory.secrets,
            serviceAccountFolder: self("serviceaccount"))
    }

    func apiKeySource(_ apiKey: String, caPath: String? = nil) throws -> CredentialSource {
        CredentialSource(
            authentication: .apiKey(try Shared.secret(apiKey)), caPath: caPath.map { self($0) },
            memory: try SharedMemory.secrets, serviceAccountFolder: self("serviceaccount"))
    }
}

/// Seconds since 1970.
func now() -> Int { time(nil) }
