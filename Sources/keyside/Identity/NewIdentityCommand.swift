// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteCoding
import Cryptography
import Linux
import LockedMemory

/// `keyside identity new`
struct NewIdentity: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new", abstract: "Create an API key, or a client certificate with its private key.",
        discussion: """
            Prints an API key and its identity. With --cert and --private-key, writes a certificate and an Ed25519 key \
            to these files, and prints only the identity.
            """)

    @Flag(help: "Create an API key for KES. This is the default.")
    var kes = false
    @Flag(help: "Create an API key for MinIO KMS. Not supported by this version.")
    var kms = false
    @Option(help: ArgumentHelp("File to write the certificate to, PEM.", valueName: "file"))
    var cert: String?
    @Option(help: ArgumentHelp("File to write the private key to, PEM, mode 0600.", valueName: "file"))
    var privateKey: String?
    @Flag(help: "Replace existing files.")
    var force = false
    @Option(help: ArgumentHelp("Output format.", valueName: "format"))
    var output = OutputFormat.text

    func validate() throws {
        guard (self.cert == nil) == (self.privateKey == nil) else {
            throw ValidationError("set both --cert FILE and --private-key FILE, or neither")
        }
        guard !self.kes || !self.kms else { throw ValidationError("set --kes or --kms, not both") }
        guard self.cert == nil || self.cert != self.privateKey else {
            throw ValidationError("--cert and --private-key must be different files")
        }
    }

    func run() throws {
        try self.reportingFailures {
            guard !self.kms else {
                throw CommandFailure(.failed, "this version creates no API keys for MinIO KMS; omit --kms for KES")
            }
            let memory = try SecretMemory.forCommand()
            if let cert = self.cert, let privateKey = self.privateKey {
                try self.write(cert: cert, privateKey: privateKey, memory: memory)
            } else {
                try self.printAPIKey(memory: memory)
            }
        }
    }

    private func printAPIKey(memory: SecretMemory) throws {
        let key = try CommandFailure.wrapping { () throws(CryptographyError) in try APIKey(in: memory) }
        let text = try APIKeyText(key, as: self.output).encoded(in: memory)
        try text.withBytes { bytes in try StandardStreams.writeOutput(bytes) }
    }

    private func write(cert: String, privateKey: String, memory: SecretMemory) throws {
        let files = NewFiles(replacing: self.force)
        try files.checkAbsence(of: [cert, privateKey])
        let key = try CommandFailure.wrapping { () throws(CryptographyError) in
            try PrivateKey.makeEd25519(in: memory)
        }
        let certificate = try CommandFailure.wrapping { () throws(CryptographyError) in
            try Certificate(.client, of: key, now: WallClock.currentSecond())
        }
        try files.write(key, to: privateKey, memory: memory)
        try files.write(certificate, to: cert)
        let identity = try CommandFailure.wrapping { () throws(CryptographyError) in try certificate.identity() }
        switch self.output {
        case .text: try StandardStreams.writeOutput("identity: \(identity)\n")
        case .json:
            try StandardStreams.writeJSON { json in
                json.member("identity", "\(identity)")
                json.member("cert", cert)
                json.member("private_key", privateKey)
            }
        }
    }
}
