// SPDX-License-Identifier: Apache-2.0

import Cryptography
import KESProtocol
import Linux
import LockedMemory

/// The files that a TLS listener and its client need, in one folder.
struct ListenerCertificates {
    let folder: String

    var authority: String { "\(self.folder)/ca.crt" }
    var cert: String { "\(self.folder)/server.crt" }
    var key: String { "\(self.folder)/server.key" }
    var apiKey: String { "\(self.folder)/client.apikey" }

    /// Makes them, and the folder where there is none.
    ///
    /// - Parameter replacing: whether certificates that are there are replaced. An API key that is there then stays.
    /// - Returns: the client's identity.
    func make(for names: [ServerName], replacing: Bool, memory: SecretMemory) throws -> Identity {
        let files = NewFiles(replacing: replacing)
        try files.checkAbsence(of: [self.authority, self.cert, self.key, self.apiKey])
        do throws(SystemError) {
            try Files.makeFolder(self.folder)
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

    /// Of the API key that is there.
    private func identity(memory: SecretMemory) throws -> Identity {
        let text = try Input.trimmedContents(of: self.apiKey, in: memory)
        do throws(CredentialError) {
            return try Identity(of: text, memory: memory)
        } catch {
            throw CommandFailure(.failed, "\(self.apiKey): \(error); remove the file to create a new one")
        }
    }
}
