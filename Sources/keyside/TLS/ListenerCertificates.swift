// SPDX-License-Identifier: Apache-2.0

import Cryptography
import KESProtocol
import Linux
import LockedMemory

/// The files of a TLS listener and its client, in one directory.
struct ListenerCertificates {
    let directory: String

    var authority: String { "\(self.directory)/ca.crt" }
    var cert: String { "\(self.directory)/server.crt" }
    var key: String { "\(self.directory)/server.key" }
    var apiKey: String { "\(self.directory)/client.apikey" }

    /// Creates the files, and the directory if it is missing.
    ///
    /// - Parameter replacing: whether to replace existing certificates. An existing API key stays.
    /// - Returns: the client's identity.
    func make(for names: [ServerName], replacing: Bool, memory: SecretMemory) throws -> Identity {
        let files = NewFiles(replacing: replacing)
        try files.checkAbsence(of: [self.authority, self.cert, self.key, self.apiKey])
        do throws(SystemError) {
            try Files.makeDirectory(self.directory)
        } catch {
            throw CommandFailure(.inputOutput, "cannot \(error); choose another directory, or run this as another user")
        }
        let identity = try self.makeAPIKey(with: files, memory: memory)
        let (authority, certificate, key) = try CommandFailure.wrapping { () throws(CryptographyError) in
            try Self.makeCertificates(for: names)
        }
        try files.write(key, to: self.key, memory: memory)
        try files.write(certificate, to: self.cert)
        try files.write(authority, to: self.authority)
        return identity
    }

    private static func makeCertificates(
        for names: [ServerName]
    ) throws(CryptographyError) -> (Certificate, Certificate, PrivateKey) {
        let now = WallClock.currentSecond()
        let authorityKey = try PrivateKey.makeP256()
        let authority = try Certificate(.authority, of: authorityKey, now: now)
        let key = try PrivateKey.makeP256()
        let certificate = try Certificate(
            .server(names: names.map(\.alternativeName)), of: key,
            signedBy: CertificateIssuer(certificate: authority, key: authorityKey), now: now)
        return (authority, certificate, key)
    }

    private func makeAPIKey(with files: NewFiles, memory: SecretMemory) throws -> Identity {
        guard !Files.exists(self.apiKey) else { return try self.identity(memory: memory) }
        let key = try CommandFailure.wrapping { () throws(CryptographyError) in try APIKey(in: memory) }
        let identity = key.identity
        try files.write(try APIKeyText(line: key).encoded(in: memory), to: self.apiKey)
        return identity
    }

    /// The identity of the existing API key.
    private func identity(memory: SecretMemory) throws -> Identity {
        let text = try Input.trimmedContents(of: self.apiKey, in: memory)
        do throws(CredentialError) {
            return try Identity(of: text, memory: memory)
        } catch {
            throw CommandFailure(.failed, "\(self.apiKey): \(error); remove the file to create a new one")
        }
    }
}
