// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import LockedMemory

/// A file of `NAME=value` lines by MinIO's rules, which are neither a shell's nor systemd's:
///
/// 1. White space around a line is ignored. Empty lines and lines that begin with `#` are skipped.
/// 2. A leading `export` is dropped, whatever follows it.
/// 3. The name ends at the first `=`. The value is the rest; one pair of equal quotes around it is dropped.
/// 4. There are no escapes, no expansion, no comments after a value, no continued lines. The last of equal names
///    counts.
///
/// MinIO stops at a malformed line. This reader reports all of them and still reads the others, so that no errors about
/// missing variables follow. It also trims names, which MinIO does not.
struct EnvironmentFile: Sendable {
    /// Larger files are errors; no real environment is that large.
    static let byteCountMax = 1 << 20
    /// Maximum line length in MinIO (the buffer of Go's `bufio.Scanner`, less the line feed).
    static let lineByteCountMax = 64 * 1024 - 1

    let path: String
    /// The relevant variables, in the file's order.
    private(set) var entries: [MergedEnvironment.Entry] = []
    private(set) var diagnostics: [Diagnostic] = []

    init(path: String, contents: Span<UInt8>, memory: SecretMemory) throws(LockedMemoryError) {
        self.path = path
        var line = 1
        var start = 0
        while start < contents.count {
            var end = start
            while end < contents.count, contents[end] != UInt8(ascii: "\n") { end += 1 }
            try self.take(start..<end, of: contents, number: line, memory: memory)
            line += 1
            start = end + 1
        }
    }

    private mutating func take(
        _ line: Range<Int>,
        of contents: Span<UInt8>,
        number: Int,
        memory: SecretMemory
    ) throws(LockedMemoryError) {
        guard line.count <= Self.lineByteCountMax else {
            return self.refuse(number, "bufio.Scanner: token too long", remedy: "keep lines below 64 KiB")
        }
        var rest = WhiteSpace.trim(line, of: contents)
        guard !rest.isEmpty, contents[rest.lowerBound] != UInt8(ascii: "#") else { return }
        if contents.extracting(rest).hasPrefix("export") {
            rest = WhiteSpace.trim(rest.dropFirst("export".utf8.count), of: contents)
        }
        let separator = rest.first { contents[$0] == UInt8(ascii: "=") } ?? rest.lowerBound
        let untrimmedName = rest.lowerBound..<separator
        let name = WhiteSpace.trim(untrimmedName, of: contents)
        guard !name.isEmpty else {
            // MinIO quotes the line here. It may contain a secret.
            return self.refuse(
                number,
                "envEntry malformed; expected to be of form 'KEY=value'",
                remedy: "correct it, or begin it with '#' if it is a comment"
            )
        }
        // Other lines may contain other secrets, so even their names are ignored.
        let nameBytes = contents.extracting(name)
        guard nameBytes.hasPrefix("MINIO_") || nameBytes.hasPrefix(AgentSettings.variablePrefix) else { return }
        guard nameBytes.isVariableName else {
            return self.diagnostics.report(
                .warning,
                at: .file(self.path, line: number),
                "the text before '=' is not a variable name",
                remedy: "write NAME=value"
            )
        }
        let value = Self.unquoted(separator + 1..<rest.upperBound, of: contents)
        try self.take(
            name: String(repairing: nameBytes),
            isTrimmed: name != untrimmedName,
            value: contents.extracting(value),
            number: number,
            memory: memory
        )
    }

    private mutating func take(
        name: String,
        isTrimmed: Bool,
        value: Span<UInt8>,
        number: Int,
        memory: SecretMemory
    ) throws(LockedMemoryError) {
        let place = Place.entry(name, file: self.path, line: number)
        if name.hasPrefix(AgentSettings.variablePrefix) {
            self.diagnostics.report(
                .warning,
                at: place,
                "only MINIO_KMS_ variables are read from this file, so this has no effect",
                remedy: "set it in the agent's own environment or settings file"
            )
        }
        guard MergedEnvironment.isOfInterest(name) else { return }
        if isTrimmed {
            self.diagnostics.report(
                .warning,
                at: place,
                "MinIO takes the white space before '=' as part of the name, so it does not see this",
                remedy: "remove the white space"
            )
        }
        let stored: EnvironmentBlock.Value =
            KMSEnvironment.isSecret(name)
            ? .secret(SharedSecret(try Secret(copying: value, in: memory))) : .text(String(repairing: value))
        self.entries.append(MergedEnvironment.Entry(name: name, value: stored, place: place))
    }

    private static func unquoted(_ value: Range<Int>, of contents: Span<UInt8>) -> Range<Int> {
        guard value.count >= 2, let first = value.first.map({ contents[$0] }), first == contents[value.upperBound - 1],
            first == UInt8(ascii: "\"") || first == UInt8(ascii: "'")
        else { return value }
        return value.dropFirst().dropLast()
    }

    private mutating func refuse(_ line: Int, _ message: String, remedy: String) {
        self.diagnostics.report(.error, at: .file(self.path, line: line), message, remedy: remedy)
    }
}

extension Span<UInt8> {
    /// Whether the text has only letters, digits and `_`.
    var isVariableName: Bool {
        self.indices.allSatisfy { index in
            switch self[index] {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"): true
            default: false
            }
        }
    }

    func hasPrefix(_ prefix: String) -> Bool {
        self.count >= prefix.utf8.count && prefix.utf8.enumerated().allSatisfy { self[$0.offset] == $0.element }
    }
}
