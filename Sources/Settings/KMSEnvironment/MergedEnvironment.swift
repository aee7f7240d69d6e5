// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import LockedMemory

/// The variables in effect, in order of increasing precedence: the process's environment, systemd's credentials, the
/// file of `--env-file`, and the file that `MINIO_CONFIG_ENV_FILE` names, which any of the former may set.
struct MergedEnvironment: Sendable {
    struct Entry: Sendable {
        let name: String
        let value: EnvironmentBlock.Value
        let place: Place
    }

    private var entries: [String: Entry] = [:]
    private(set) var diagnostics: [Diagnostic] = []

    /// The preset of `MINIO_CONFIG_ENV_FILE` in container images, whether or not the file exists.
    private static let presetConfigFile = "config.env"

    /// - Parameters:
    ///   - process: the process's environment, secret values of ``KMSEnvironment/isSecret(_:)`` in locked memory.
    ///   - envFile: the value of `--env-file`.
    init(
        process: [String: EnvironmentBlock.Value],
        envFile: String?,
        memory: SecretMemory
    ) throws(LockedMemoryError) {
        for (name, value) in process where Self.isOfInterest(name) {
            self.entries[name] = Entry(name: name, value: value, place: .variable(name))
        }
        if case .text(let directory) = process[CredentialsDirectory.variable] {
            let credentials = try CredentialsDirectory(path: directory, memory: memory)
            for entry in credentials.entries { self.entries[entry.name] = entry }
            self.diagnostics += credentials.diagnostics
        }
        if let envFile {
            switch try ReadableFile(path: envFile, byteCountMax: EnvironmentFile.byteCountMax, memory: memory) {
            case .contents(let contents): try self.override(with: contents, of: envFile, memory: memory)
            case .missing(let reason), .unreadable(let reason):
                self.diagnostics.report(.error, at: .flag("--env-file"), reason, remedy: "use a readable file")
            }
        }
        guard let entry = self.configFile, case .text(let path) = entry.value, !path.isEmpty else { return }
        switch try ReadableFile(path: path, byteCountMax: EnvironmentFile.byteCountMax, memory: memory) {
        case .contents(let contents): try self.override(with: contents, of: path, memory: memory)
        case .missing where path == Self.presetConfigFile: break
        case .missing(let reason):
            self.diagnostics.report(
                .warning,
                at: entry.place,
                "\(reason); MinIO continues without it, and so does the agent",
                remedy: "use an existing file, or unset it"
            )
        case .unreadable(let reason):
            self.diagnostics.report(
                .error,
                at: entry.place,
                "Unable to read the config environment file: \(reason)",
                remedy: "use a readable file, or unset it"
            )
        }
    }

    /// Malformed names are ignored: if a `=` is missing, they may contain a value.
    static func isOfInterest(_ name: String) -> Bool {
        (name.hasPrefix(KMSVariable.prefix) && name.utf8.span.isVariableName) || name == KMSVariable.configFile
    }

    private mutating func override(
        with contents: SharedSecret,
        of path: String,
        memory: SecretMemory
    ) throws(LockedMemoryError) {
        let file = try contents.value.withBytes { bytes throws(LockedMemoryError) in
            try EnvironmentFile(path: path, contents: bytes, memory: memory)
        }
        for entry in file.entries { self.entries[entry.name] = entry }
        self.diagnostics += file.diagnostics
    }
}

extension MergedEnvironment {
    var configFile: Entry? { self.entries[KMSVariable.configFile] }

    /// Unknown variables, by name.
    var unknown: [Entry] {
        self.entries.values.filter { $0.name.hasPrefix(KMSVariable.prefix) && KMSVariable(rawValue: $0.name) == nil }
            .sorted { $0.name < $1.name }
    }

    /// Whether a variable is set, even to nothing.
    func has(_ variable: KMSVariable) -> Bool { self.entries[variable.rawValue] != nil }

    /// The place where a variable is set, or would be set.
    func place(of variable: KMSVariable) -> Place {
        self.entries[variable.rawValue]?.place ?? .variable(variable.rawValue)
    }

    /// The unmodified value of a variable that is not secret.
    func untrimmedText(_ variable: KMSVariable) -> String? {
        self.withValue(of: variable) { String(repairing: $0) }
    }

    /// The value of a variable that is not secret. MinIO trims nearly all values.
    func text(_ variable: KMSVariable) -> String? {
        self.withTrimmedValue(of: variable) { String(repairing: $0) }
    }

    func secret(_ variable: KMSVariable, in memory: SecretMemory) throws(LockedMemoryError) -> SharedSecret? {
        try self.withTrimmedValue(of: variable) { bytes throws(LockedMemoryError) in
            SharedSecret(try Secret(copying: bytes, in: memory))
        }
    }

    /// Whether a variable is set to white space only.
    func isBlank(_ variable: KMSVariable) -> Bool {
        self.withTrimmedValue(of: variable) { $0.isEmpty } ?? false
    }

    func value(of variable: KMSVariable, hasPrefix prefix: String) -> Bool {
        self.withTrimmedValue(of: variable) { $0.hasPrefix(prefix) } ?? false
    }

    private func withTrimmedValue<Result, Failure: Error>(
        of variable: KMSVariable,
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        try self.withValue(of: variable) { bytes throws(Failure) in
            try body(bytes.extracting(WhiteSpace.trim(0..<bytes.count, of: bytes)))
        }
    }

    private func withValue<Result, Failure: Error>(
        of variable: KMSVariable,
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        switch self.entries[variable.rawValue]?.value {
        case .text(let text): try body(text.utf8.span)
        case .secret(let secret): try secret.value.withBytes(body)
        case nil: nil
        }
    }
}
