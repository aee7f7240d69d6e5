// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteCoding
import KeyService
import KeysideClient
import Linux

/// `keyside key create NAME`
struct CreateKey: KeyOperation {
    static let configuration = CommandConfiguration(commandName: "create", abstract: "Create a key at the backend.")

    @OptionGroup var key: KeyNameArgument
    @OptionGroup var options: ClientOptions

    func perform(on name: KeyName, asking agent: ConnectedClient) throws {
        try agent.client.createKey(name)
    }
}

/// `keyside key import NAME`
struct ImportKey: KeyOperation {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Store an existing key: 32 bytes in base64 from standard input.")

    enum Cipher: String, ExpressibleByArgument, CaseIterable {
        case aes256
        case chacha20

        var algorithm: KeyAlgorithm {
            switch self {
            case .aes256: .aes256
            case .chacha20: .chaCha20
            }
        }
    }

    @OptionGroup var key: KeyNameArgument
    @Option(help: "Cipher of the key.")
    var cipher = Cipher.aes256
    @OptionGroup var options: ClientOptions

    func perform(on name: KeyName, asking agent: ConnectedClient) throws {
        try agent.client.importKey(
            name, key: try Input.secretValue(nil, in: agent.memory),
            algorithm: self.cipher.algorithm)
    }
}

/// `keyside key describe NAME`
struct DescribeKey: KeyOperation {
    static let configuration = CommandConfiguration(commandName: "describe", abstract: "Print the properties of a key.")

    @OptionGroup var key: KeyNameArgument
    @OptionGroup var options: ClientOptions

    func perform(on name: KeyName, asking agent: ConnectedClient) throws {
        let key = try agent.client.describeKey(name)
        let algorithm = key.algorithm.map { $0 == .aes256 ? "aes256" : "chacha20" }
        let rows = [
            ("name", key.name.description), ("algorithm", algorithm), ("created_at", key.createdAt),
            ("created_by", key.createdBy),
        ]
        .compactMap { row in row.1.map { (name: row.0, value: $0) } }
        switch self.options.output {
        case .text:
            try StandardStreams.writeOutput(rows.map { "\($0.name): \($0.value)\n" }.joined())
        case .json:
            try StandardStreams.writeJSON { json in
                for row in rows { json.member(row.name, row.value) }
            }
        }
    }
}

/// `keyside key list [PREFIX]`
struct ListKeys: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the names of keys, one per line.")

    @Argument(help: "Only names that begin with this.")
    var prefix = ""
    @OptionGroup var options: ClientOptions

    func run() throws {
        try self.reportingFailures {
            let listing = try self.options.asking { try $0.client.listKeys(prefix: self.prefix) }
            let names = listing.names.map(\.description)
            switch self.options.output {
            case .text:
                try StandardStreams.writeOutput(names.map { $0 + "\n" }.joined())
            case .json:
                try StandardStreams.writeJSON { json in json.member("names", names) }
            }
        }
    }
}

/// `keyside key delete NAME`
struct DeleteKey: KeyOperation {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete a key at the backend. Data encrypted with it can no longer be decrypted.")

    @OptionGroup var key: KeyNameArgument
    @OptionGroup var options: ClientOptions

    func perform(on name: KeyName, asking agent: ConnectedClient) throws {
        try agent.client.deleteKey(name)
    }
}

extension StandardStreams {
    /// Writes one JSON object and a line feed.
    static func writeJSON(_ members: (inout JSONWriter) -> Void) throws(SystemError) {
        let line = JSONWriter.object(escaping: .plain, members) + "\n".utf8
        try Self.writeOutput(line.span)
    }
}
