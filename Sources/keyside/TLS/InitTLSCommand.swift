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
        abstract: "Make certificate, key and API key for an object store on this machine, and say what to put where.",
        discussion: """
            Writes ca.crt, server.crt, server.key and client.apikey. The certificate is good for localhost, 127.0.0.1, \
            ::1 and what --host names, for ten years. The authority's own key signs once and is not kept: nobody can \
            make another certificate that the object store would believe. --force makes new certificates and keeps a \
            client.apikey that is there, so that the client stays who it is.
            """)

    @Argument(help: ArgumentHelp("The folder to write to. It is made where there is none.", valueName: "dir"))
    var folder = "/etc/keyside/tls"
    @Option(name: .customLong("host"), help: ArgumentHelp("Another name or address of the server.", valueName: "name"))
    var hosts: [String] = []
    @Flag(help: "Replace certificates that are there.")
    var force = false
    @Option(help: ArgumentHelp("How to write the result.", valueName: "format"))
    var output = OutputFormat.text

    func validate() throws {
        guard !self.folder.isEmpty else { throw ValidationError("name a folder") }
        for host in self.hosts where ServerName(host) == nil {
            throw ValidationError("--host \(host): expected a name, or an address without port and brackets")
        }
    }

    func run() throws {
        try self.reportingFailures {
            let memory = try SecretMemory.forCommand()
            let kit = ListenerCertificates(folder: Files.absolutePath(self.folder))
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
