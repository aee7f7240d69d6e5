// SPDX-License-Identifier: Apache-2.0

import Agent
import ArgumentParser

/// The options that locate the configuration, and those that override settings.
struct ConfigurationOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("The agent's settings. Default: /etc/keyside/config.yaml if it exists.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("File of KEY=VALUE lines that override the environment.", valueName: "file"))
    var envFile: String?

    @Option(help: ArgumentHelp("Path of the Unix socket. Default: /run/keyside/keyside.sock.", valueName: "path"))
    var socket: String?

    @Option(help: ArgumentHelp("The socket's permissions. Default: 0660.", valueName: "mode"))
    var socketMode: String?

    @Option(help: ArgumentHelp("The socket's owner. Default: the user that runs the agent.", valueName: "user"))
    var socketOwner: String?

    @Option(
        help: ArgumentHelp("The socket's group. Default: that of the user that runs the agent.", valueName: "group"))
    var socketGroup: String?

    @Option(
        help: ArgumentHelp("Address of the TLS listener: 127.0.0.1:7373. Default: none.", valueName: "address"))
    var tlsListen: String?

    @Option(help: ArgumentHelp("The TLS listener's certificate, PEM.", valueName: "file"))
    var tlsCert: String?

    @Option(help: ArgumentHelp("The private key of that certificate, PEM.", valueName: "file"))
    var tlsKey: String?

    @Option(
        help: ArgumentHelp(
            "CA certificates that client certificates must chain to. Default: any certificate.", valueName: "file"))
    var tlsClientCa: String?

    @Option(help: ArgumentHelp("trace, debug, info, notice, warning or error. Default: info.", valueName: "level"))
    var logLevel: String?

    @Option(help: ArgumentHelp("text or json. Default: text.", valueName: "format"))
    var logFormat: String?

    func load(toleratingUnlockedMemory: Bool) throws -> Startup {
        let flags = [
            "--socket": self.socket, "--socket-mode": self.socketMode, "--socket-owner": self.socketOwner,
            "--socket-group": self.socketGroup, "--tls-listen": self.tlsListen, "--tls-cert": self.tlsCert,
            "--tls-key": self.tlsKey, "--tls-client-ca": self.tlsClientCa, "--log-level": self.logLevel,
            "--log-format": self.logFormat,
        ]
        .compactMapValues(\.self)
        do throws(AgentFailure) {
            return try Startup(
                flags: flags, configFile: self.config, envFile: self.envFile,
                toleratesUnlockedMemory: toleratingUnlockedMemory)
        } catch {
            throw CommandFailure(error)
        }
    }
}

extension CommandFailure {
    init(_ failure: AgentFailure) {
        switch failure.kind {
        case .configuration: self.init(.configuration, failure.message)
        case .notPermitted: self.init(.notPermitted, failure.message)
        case .inputOutput: self.init(.inputOutput, failure.message)
        }
    }
}
