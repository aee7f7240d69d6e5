// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteCoding
import Cryptography
import Linux
import LockedMemory

/// `keyside identity new`
struct NewIdentity: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new", abstract: "Make a new API key, or a new client certificate with its private key.",
        discussion: """
            Prints an API key and the identity that belongs to it. With --cert and --private-key it writes a \
            certificate and an Ed25519 key, and prints the identity alone.
            """)

    @Flag(help: "For KES, which is what is made without it, too.")
    var kes = false
    @Flag(help: "For MinIO KMS. This version makes none.")
    var kms = false
    @Option(help: ArgumentHelp("Where to write a certificate, PEM.", valueName: "file"))
    var cert: String?
    @Option(help: ArgumentHelp("Where to write its private key, PEM, for nobody else to read.", valueName: "file"))
    var privateKey: String?
    @Flag(help: "Replace files that are there.")
    var force = false
    @Option(help: ArgumentHelp("How to write the result.", valueName: "format"))
    var output = OutputFormat.text

    func validate() throws {
        guard (self.cert == nil) == (self.privateKey == nil) else {
            throw ValidationError("give both --cert FILE and --private-key FILE, or none of them")
        }
        guard !self.kes || !self.kms else { throw ValidationError("give --kes or --kms, not both") }
        guard self.cert == nil || self.cert != self.privateKey else {
            throw ValidationError("--cert and --private-key name one file")
        }
    }

    func run() throws {
        try self.reportingFailures {
            guard !self.kms else {
                throw CommandFailure(.failed, "this version makes no API keys for MinIO KMS; leave out --kms for KES")
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
