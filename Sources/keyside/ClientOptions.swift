// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import KESProtocol
import KeyService
import KeysideClient
import Linux
import LockedMemory

/// The options of every command that connects to a running agent.
struct ClientOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The agent's socket. Default: $KEYSIDE_SOCKET, else /run/keyside/keyside.sock.", valueName: "path"))
    var socket: String?

    @Option(help: ArgumentHelp("Output format.", valueName: "format"))
    var output = OutputFormat.text

    private static let defaultSocket = "/run/keyside/keyside.sock"

    var socketPath: String {
        self.socket ?? EnvironmentBlock.texts { $0 == "KEYSIDE_SOCKET" }["KEYSIDE_SOCKET"] ?? Self.defaultSocket
    }

    /// Opens no connection yet; the first request does.
    ///
    /// Uses ordinary memory if none can be locked: the command holds one key for a moment, and prints it.
    func connect() throws -> ConnectedClient {
        do {
            let memory = try SecretMemory(slotCount: 64, allowUnlocked: true)
            return ConnectedClient(
                client: try KeysideClient(socketPath: self.socketPath, memory: memory), memory: memory)
        } catch let error as LockedMemoryError {
            throw CommandFailure(.failed, "no memory for keys: \(error)")
        }
    }

    /// Sends requests and turns the agent's errors into messages.
    func asking<Answer: ~Copyable>(_ body: (ConnectedClient) throws -> Answer) throws -> Answer {
        do {
            return try body(try self.connect())
        } catch let error as KeysideClientError {
            throw CommandFailure(error, socketPath: self.socketPath)
        }
    }
}

/// A client, and the memory for its secrets.
struct ConnectedClient {
    let client: KeysideClient
    let memory: SecretMemory
}

extension CommandFailure {
    fileprivate init(_ error: KeysideClientError, socketPath: String) {
        switch error {
        case .refused(let failure) where failure.status == 403:
            self.init(.notPermitted, failure.message)
        case .refused(let failure):
            self.init(.failed, failure.message)
        case .notReachable(let reason, isPermission: true):
            self.init(
                .notPermitted,
                "\(socketPath): \(reason); join the socket's group, or run this as another user")
        case .notReachable(let reason, isPermission: false):
            self.init(
                .unavailable,
                "\(socketPath): \(reason); start the agent with 'keyside run', or set its socket with --socket")
        case .timedOut:
            self.init(.unavailable, "\(socketPath): the agent did not answer in time")
        case .interrupted(let reason):
            self.init(.unavailable, "\(socketPath): \(reason)")
        case .unusable(let reason):
            self.init(.failed, "\(socketPath): \(reason); is this an agent's socket?")
        case .tooLarge:
            self.init(.failed, "the value or the answer is too large")
        }
    }
}
