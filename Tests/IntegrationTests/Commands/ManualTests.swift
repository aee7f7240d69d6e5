// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// The manual pages tell of the commands, options, settings and variables that there are, and of no others.
@Suite struct ManualTests {
    private static let pages = ["keyside.1", "keyside-run.8", "keyside-config.5"]

    /// The lines of a page.
    private static func lines(of page: String) throws -> [Substring] {
        let root = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        return try text(of: "/\(root)/packaging/man/\(page)").split(separator: "\n")
    }

    private static func lines() throws -> [Substring] { try self.pages.flatMap { try self.lines(of: $0) } }

    /// What stands behind `.It` and the macro, up to the next macro or the end: `.It Fl -socket Ar path`.
    private static func items(_ macro: String) throws -> [[Substring]] {
        try self.lines().filter { $0.hasPrefix(".It \(macro) ") }
            .map { $0.split(separator: " ").dropFirst(2).map(\.self) }
    }

    @Test func synopsesAreTheUsageThatEveryCommandTells() throws {
        let usages = try Program().commands
            .map { command in
                let help = try Keyside.run(command.words + ["--help"]).output
                return try #require(help.split(separator: "\n").first { $0.hasPrefix("USAGE: ") })
                    .dropFirst("USAGE: ".count)
            }
        let synopses = try Self.pages.flatMap { Self.synopses(in: try Self.lines(of: $0)) }
        #expect(synopses.sorted() == usages.map(String.init).sorted())
    }

    @Test func everyOptionIsDescribedAndNoOther() throws {
        let described = try Set(Self.items("Fl").map { "-\($0[0])" })
        let options = try Program().commands
            .reduce(into: Set(["--generate-completion-script"])) { $0.formUnion($1.options) }
        #expect(described == options)
    }

    @Test func everyCommandIsDescribed() throws {
        let described = try Set(Self.items("Cm").map { $0.joined(separator: " ") })
        let commands = try Program().commands.map { $0.words.joined(separator: " ") }.filter { $0 != "run" }
        #expect(described.isSuperset(of: commands), "run has a page of its own")
    }

    @Test func everySettingIsDescribedWithItsDefault() throws {
        let described = try Self.items("Cm").filter { $0.contains("=") }
            .map { "\($0[0]) = \($0.drop { $0 != "=" }.dropFirst().joined())" }
        let settings = try JSONValue(try Keyside.run(["check", "--output", "json"]).output)["settings"].elements
            .map { "\($0["name"].string ?? "") = \($0["value"].string ?? "")" }
        #expect(described == settings)
    }

    @Test func everyVariableIsKnown() throws {
        let names = try Self.items("Ev").joined().filter { $0.hasPrefix("MINIO_") && !$0.hasSuffix("*") }
            .map(String.init)
        #expect(names.contains("MINIO_KMS_SECRET_KEY_FILE"))
        let environment = Dictionary(uniqueKeysWithValues: names.map { ($0, "x") })
        let report = try JSONValue(try Keyside.run(["check", "--output", "json"], environment: environment).output)
        #expect(Set(report["environment"].elements.compactMap { $0["name"].string }).isSuperset(of: names))
        #expect(!report["diagnostics"].elements.contains { $0["message"].string?.contains("unknown") == true })
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func aShellCanBeToldOfTheCommands(shell: String) throws {
        let outcome = try Keyside.run(["--generate-completion-script", shell])
        #expect(outcome.status == .exited(0) && outcome.error.isEmpty)
        for word in ["keyside", "status", "generate", "socket-mode"] { #expect(outcome.output.contains(word)) }
    }

    // MARK: mdoc(7)

    /// Each synopsis in the form of a usage: `keyside key decrypt <name> [<ciphertext>] [--socket <path>]`.
    private static func synopses(in lines: [Substring]) -> [String] {
        let section = lines.drop { $0 != ".Sh SYNOPSIS" }.dropFirst().prefix { !$0.hasPrefix(".Sh ") }
        return section.reduce(into: []) { usages, line in
            let words = line.split(separator: " ")
            if words[0] == ".Nm" { return usages.append("keyside") }
            usages[usages.count - 1] += " " + self.usage(words)
        }
    }

    private static func usage(_ words: [Substring]) -> String {
        switch words[0] {
        case ".Op": "[" + self.usage(Array(words.dropFirst())) + "]"
        case ".Fl", "Fl":
            (["-\(words[1])"] + (words.count > 2 ? [self.usage(Array(words.dropFirst(2)))] : [])).joined(separator: " ")
        case ".Ar", "Ar": "<\(words[1])>" + (words.last == "..." ? " ..." : "")
        case _: words.dropFirst().joined(separator: " ")
        }
    }
}

/// What the program says of itself for other programs.
private struct Program {
    struct Command {
        let words: [String]
        let options: Set<String>
    }

    /// Those that do something, without `help`.
    let commands: [Command]

    init() throws {
        let help = try JSONValue(try Keyside.run(["--experimental-dump-help"]).output)
        self.commands = Self.commands(of: help["command"], words: [])
    }

    private static func commands(of command: JSONValue, words: [String]) -> [Command] {
        let subcommands = command["subcommands"].elements.filter { $0["commandName"].string != "help" }
        guard subcommands.isEmpty else {
            return subcommands.flatMap { self.commands(of: $0, words: words + [$0["commandName"].string ?? ""]) }
        }
        let names = command["arguments"].elements.flatMap(\.["names"].elements)
        let options = names.filter { $0["kind"].string == "long" }.map { "--\($0["name"].string ?? "")" }
        return [Command(words: words, options: Set(options))]
    }
}
