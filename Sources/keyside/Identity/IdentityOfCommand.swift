// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteCoding
import Cryptography
import Linux
import LockedMemory

/// `keyside identity of`
struct IdentityOf: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "of", abstract: "Print the KES identity of a certificate or API key.",
        discussion: """
            Other users can see the arguments of a command. Read an API key from a file, or from standard input with '-'.
            """)

    @Argument(help: ArgumentHelp("A file with certificates or an API key, an API key, or '-'.", valueName: "file"))
    var source: String
    @Option(help: ArgumentHelp("Output format.", valueName: "format"))
    var output = OutputFormat.text

    func validate() throws {
        guard !self.source.isEmpty else { throw ValidationError("set a file, an API key or '-'") }
    }

    func run() throws {
        try self.reportingFailures {
            let memory = try SecretMemory.forCommand()
            let identity = try self.identity(memory: memory)
            switch self.output {
            case .text: try StandardStreams.writeOutput("identity: \(identity)\n")
            case .json: try StandardStreams.writeJSON { json in json.member("identity", "\(identity)") }
            }
        }
    }

    private func identity(memory: SecretMemory) throws -> Identity {
        let isKey = self.source.hasPrefix(APIKey.prefix) || self.isBareKey
        let text =
            isKey
            ? try Input.trimmed(try Input.text(self.source, in: memory), in: memory)
            : try Input.trimmedContents(of: self.source, in: memory)
        do throws(CredentialError) {
            return try Identity(of: text, memory: memory)
        } catch {
            let place = isKey ? "the API key" : self.source == "-" ? "standard input" : self.source
            throw CommandFailure(.failed, "\(place): \(error)")
        }
    }

    /// Whether the argument looks like an API key without its prefix, and no file has this name.
    private var isBareKey: Bool {
        self.source.utf8.count == 44 && self.source.hasPrefix("A") && !Files.exists(self.source)
    }
}
