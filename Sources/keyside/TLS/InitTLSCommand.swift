// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteCoding
import Cryptography
import Linux
import LockedMemory

/// `keyside tls init`
struct InitTLS: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Create certificate, key and API key for an object store on this machine, and print the settings.",
        discussion: """
            Writes ca.crt, server.crt, server.key and client.apikey. The certificate is valid for localhost, 127.0.0.1, \
            ::1 and the names of --host, for ten years. The CA's private key is not stored, so no further \
            certificate can be issued that the object store would trust. --force creates new certificates and keeps \
            an existing client.apikey, so that the client's identity stays the same.
            """)

    @Argument(help: ArgumentHelp("Directory to write to. It is created if it is missing.", valueName: "dir"))
    var directory = "/etc/keyside/tls"
    @Option(
        name: .customLong("host"),
        help: ArgumentHelp("Another name or address that the certificate is valid for.", valueName: "name"))
    var hosts: [String] = []
    @Flag(help: "Replace existing certificates.")
    var force = false
    @Option(help: ArgumentHelp("Output format.", valueName: "format"))
    var output = OutputFormat.text

    func validate() throws {
        guard !self.directory.isEmpty else { throw ValidationError("set a directory") }
        for host in self.hosts where ServerName(host) == nil {
            throw ValidationError("--host \(host): expected a name, or an address without port and brackets")
        }
    }

    func run() throws {
        try self.reportingFailures {
            let memory = try SecretMemory.forCommand()
            let kit = ListenerCertificates(directory: Files.absolutePath(self.directory))
            let identity = try kit.make(
                for: ServerName.ofThisMachine + self.hosts.compactMap(ServerName.init), replacing: self.force,
                memory: memory)
            let guide = ListenerGuide(kit, clientIdentity: identity)
            switch self.output {
            case .text: try StandardStreams.writeOutput(guide.text)
            case .json: try StandardStreams.writeJSON { json in guide.writeMembers(to: &json) }
            }
        }
    }
}
