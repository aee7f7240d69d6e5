// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteCoding
import Glibc
import KeyService
import LockedMemory

/// The name of a key on the command line.
struct KeyNameArgument: ParsableArguments {
    @Argument(help: "The key's name.")
    var name: String

    func validate() throws { _ = try self.keyName }

    var keyName: KeyName {
        get throws {
            guard let name = KeyName(self.name) else { throw ValidationError("a key's name cannot be empty") }
            return name
        }
    }
}

/// A command that performs one operation on a named key.
protocol KeyOperation: ParsableCommand {
    var key: KeyNameArgument { get }
    var options: ClientOptions { get }

    /// Sends the request and prints the result.
    func perform(on name: KeyName, asking agent: ConnectedClient) throws
}

extension KeyOperation {
    func run() throws {
        try self.reportingFailures {
            try self.options.asking { agent in try self.perform(on: try self.key.keyName, asking: agent) }
        }
    }
}

/// The associated data on the command line.
struct ContextOption: ParsableArguments {
    @Option(help: ArgumentHelp("Associated data of the data key. Default: none.", valueName: "base64"))
    var context: String?

    func validate() throws { _ = try self.associatedData }

    var associatedData: AssociatedData {
        get throws {
            do throws(Base64.Malformed) {
                return AssociatedData(try Base64.decode(Array((self.context ?? "").utf8).span))
            } catch {
                throw ValidationError("--context is not base64 (at character \(error.offset + 1))")
            }
        }
    }
}

/// Values from an argument or from standard input.
enum Input {
    /// In bytes. Slightly more than a request may have, so that the agent rejects an excessive value, not the command.
    static let byteCountMax = 1 << 20

    /// Decodes a base64 value. White space around it is ignored.
    static func secretValue(_ argument: String?, in memory: SecretMemory) throws -> Secret {
        let text = try Self.text(argument, in: memory)
        do {
            return try text.withBytes { bytes in
                let value = bytes.extracting(Self.trimmed(bytes))
                return try Base64.decode(value, into: memory)
            }
        } catch let error as Base64.Malformed {
            throw CommandFailure(.failed, "the value is not base64 (at character \(error.offset + 1))")
        }
    }

    /// As ``secretValue(_:in:)``, for a value that is not secret.
    static func value(_ argument: String?, in memory: SecretMemory) throws -> [UInt8] {
        let secret = try Self.secretValue(argument, in: memory)
        return secret.withBytes { bytes in bytes.indices.map { bytes[$0] } }
    }

    /// Reads standard input unchanged.
    static func message(in memory: SecretMemory) throws -> [UInt8] {
        let text = try Self.text(nil, in: memory)
        return text.withBytes { bytes in bytes.indices.map { bytes[$0] } }
    }

    /// Reads a file, or standard input if `path` is `-`.
    static func contents(of path: String, in memory: SecretMemory) throws -> Secret {
        guard path != "-" else { return try Self.text(nil, in: memory) }
        do throws(SecretFile.Failure) {
            return try SecretFile.read(path: path, byteCountMax: Self.byteCountMax, into: memory)
        } catch {
            if case .notRegular = error {
                throw CommandFailure(
                    .inputOutput, "\(path) \(error.reason); write '-' to read standard input instead")
            }
            throw CommandFailure(.inputOutput, "cannot read \(path): \(error.reason)")
        }
    }

    /// As ``contents(of:in:)``, without leading and trailing white space.
    static func trimmedContents(of path: String, in memory: SecretMemory) throws -> Secret {
        try Self.trimmed(try Self.contents(of: path, in: memory), in: memory)
    }

    /// Removes leading and trailing white space.
    static func trimmed(_ text: borrowing Secret, in memory: SecretMemory) throws -> Secret {
        do throws(LockedMemoryError) {
            return try text.withBytes { bytes throws(LockedMemoryError) in
                try Secret(copying: bytes.extracting(Self.trimmed(bytes)), in: memory)
            }
        } catch {
            throw CommandFailure(error)
        }
    }

    /// Returns the argument, or reads standard input if it is nil.
    static func text(_ argument: String?, in memory: SecretMemory) throws -> Secret {
        if let argument { return try Secret(copying: Array(argument.utf8).span, in: memory) }
        do throws(SecretFile.Failure) {
            return try SecretFile.read(descriptor: STDIN_FILENO, byteCountMax: Self.byteCountMax, into: memory)
        } catch {
            switch error {
            case .tooLarge(let byteCountMax):
                throw CommandFailure(.failed, "standard input is longer than \(byteCountMax) bytes")
            case .system(let code):
                throw CommandFailure(.inputOutput, "cannot read standard input: errno \(code)")
            case .notRegular, .memory:
                throw CommandFailure(.failed, "not enough lockable memory")
            }
        }
    }

    private static func trimmed(_ bytes: Span<UInt8>) -> Range<Int> {
        func isSpace(_ index: Int) -> Bool { bytes[index] == 0x20 || (0x09...0x0d).contains(bytes[index]) }
        var start = 0
        var end = bytes.count
        while start < end, isSpace(start) { start += 1 }
        while end > start, isSpace(end - 1) { end -= 1 }
        return start..<end
    }
}
