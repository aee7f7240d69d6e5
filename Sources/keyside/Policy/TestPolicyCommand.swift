// SPDX-License-Identifier: Apache-2.0

import Agent
import ArgumentParser
import Authorization
import ByteCoding
import Cryptography
import HTTPMessages
import KESProtocol
import Linux
import LockedMemory
import Settings

/// `keyside policy test`
struct TestPolicy: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Explain whether an identity may request a path.",
        discussion: """
            Reads the settings file; does not connect to an agent. Exits with 0 if the request is allowed, with 77 if it \
            is denied.
            """)

    @Option(help: ArgumentHelp("A user of the Unix socket. This version has no policies for users.", valueName: "name"))
    var user: String?
    @Option(help: ArgumentHelp("KES identity of the client; see 'keyside identity of'.", valueName: "hex"))
    var identity: String?
    @Option(help: ArgumentHelp("Path of the request: /v1/key/generate/my-key.", valueName: "path"))
    var api: String
    @Option(help: ArgumentHelp("The agent's settings. Default: /etc/keyside/config.yaml.", valueName: "file"))
    var config: String?
    @Option(help: ArgumentHelp("Output format.", valueName: "format"))
    var output = OutputFormat.text

    func validate() throws {
        guard (self.user == nil) != (self.identity == nil) else {
            throw ValidationError("set either --identity HEX or --user NAME")
        }
        guard self.identity == nil || self.principal != nil else {
            throw ValidationError("--identity: expected 64 hexadecimal digits, as 'keyside identity of' prints them")
        }
        _ = try self.path
    }

    func run() throws {
        try self.reportingFailures {
            guard let principal = self.principal else {
                throw CommandFailure(
                    .failed,
                    "this version has no policies for users: every process that can connect to the Unix socket may "
                        + "request everything; see 'socket.mode' and 'socket.group'")
            }
            let path = try self.path
            let explanation = PolicyExplanation(gate: try self.loadGate(), principal: principal, path: path)
            switch self.output {
            case .text: try StandardStreams.writeOutput(explanation.text)
            case .json: try StandardStreams.writeJSON { json in explanation.writeMembers(to: &json) }
            }
            if !explanation.isAllowed { throw CommandFailure(.notPermitted) }
        }
    }

    private var principal: Principal? { self.identity.flatMap(Identity.init(hexadecimal:)).map(Principal.identity) }

    /// Decoded, as the path of a request is before policies are applied.
    private var path: [UInt8] {
        get throws {
            switch try self.target {
            case .path(let path):
                return path
            case .redirect(let place):
                let text = String(decoding: place, as: UTF8.self)
                throw ValidationError("--api: requests for this path are redirected to \(text); test that")
            case .asterisk, .authority:
                throw ValidationError("--api: expected a path that begins with '/'")
            }
        }
    }

    private var target: RequestTarget {
        get throws {
            do throws(RequestError) {
                return try RequestTarget(Array(self.api.utf8))
            } catch {
                throw ValidationError("--api: \(error.message)")
            }
        }
    }

    private func loadGate() throws -> Gate {
        let loaded = AgentSettings.load(
            environment: EnvironmentBlock.texts { $0.hasPrefix(AgentSettings.variablePrefix) }, configFile: self.config)
        let errors = loaded.diagnostics.filter { $0.severity == .error }
        guard errors.isEmpty else {
            throw CommandFailure(.configuration, errors.map(\.description).joined(separator: "\n"))
        }
        return Gate(loaded.settings)
    }
}
