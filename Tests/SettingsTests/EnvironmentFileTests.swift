// SPDX-License-Identifier: Apache-2.0

import LockedMemory
import TestSupport
import Testing

@testable import Settings

@Suite("Files of variables")
struct EnvironmentFileTests {
    /// The variables of a file as text, secret or not, and the diagnostics.
    private static func parse(_ text: String) throws -> (entries: [String], diagnostics: [Diagnostic]) {
        let memory = try SecretMemory(slotCount: 64, allowUnlocked: true)
        let file = try EnvironmentFile(path: "/env", contents: text.utf8.span, memory: memory)
        let entries = file.entries.map { entry in
            switch entry.value {
            case .text(let text): "\(entry.name)=\(text)"
            case .secret(let secret): "\(entry.name)=\(String(decoding: secret.array, as: UTF8.self))"
            }
        }
        return (entries, file.diagnostics)
    }

    @Test(
        "lines are read by MinIO's grammar",
        arguments: [
            ("export A=1", ["A=1"]),
            (#"A="x y""#, ["A=x y"]),
            (#"A='x"y'"#, [#"A=x"y"#]),
            (#"A="x" # c"#, [#"A="x" # c"#]),
            ("A= 1", ["A= 1"]),
            ("A =1", ["A=1"]),
            (#"A="x\"y""#, [#"A=x\"y"#]),
            ("A=x\\\nA=y", ["A=x\\", "A=y"]),
            ("exportA=1", ["A=1"]),
            ("  # comment\n\n\t\n A=1 \r\n", ["A=1"]),
            (#"A=""#, [#"A=""#]),
            (#"A="x'"#, [#"A="x'"#]),
            ("A=\"\"", ["A="]),
            ("A=", ["A="]),
            ("A=b=c", ["A=b=c"]),
            ("A=1\nA=2", ["A=1", "A=2"]),
        ]
    )
    func grammar(text: String, entries: [String]) throws {
        // `A` stands for a secret variable, then for one that is not.
        for name in ["MINIO_KMS_API_KEY", "MINIO_KMS_SERVER"] {
            let (actual, diagnostics) = try Self.parse(text.replacingName("A", with: name))
            #expect(actual == entries.map { $0.replacingName("A", with: name) })
            #expect(!diagnostics.contains { $0.severity == .error })
        }
    }

    @Test("a name that MinIO would not trim is trimmed, with a warning")
    func trimmedNames() throws {
        let (_, diagnostics) = try Self.parse("MINIO_KMS_SERVER =a")
        #expect(diagnostics.map(\.severity) == [.warning])
        #expect(diagnostics.first?.place == .entry("MINIO_KMS_SERVER", file: "/env", line: 1))
    }

    @Test(
        "a malformed line is refused by its number, and never quoted",
        arguments: ["; c", "MINIO_KMS_SECRET_KEY", "s3cr3t", "=s3cr3t", "export", "exports3cr3t"]
    )
    func malformedLines(line: String) throws {
        let (entries, diagnostics) = try Self.parse("MINIO_KMS_SERVER=a\n\(line)\nMINIO_KMS_ENCLAVE=b")
        #expect(entries == ["MINIO_KMS_SERVER=a", "MINIO_KMS_ENCLAVE=b"])
        #expect(
            diagnostics.map(\.description) == [
                "/env:2: error: envEntry malformed; expected to be of form 'KEY=value'; "
                    + "correct it, or begin it with '#' if it is a comment"
            ]
        )
    }

    @Test("a value that took the place of a name is not repeated")
    func lostSeparators() throws {
        let (entries, diagnostics) = try Self.parse("MINIO_KMS_SECRET_KEY \(Sample.staticKey)\n\(Sample.keyText)")
        #expect(entries.isEmpty)
        #expect(diagnostics.map(\.severity) == [.warning])
        #expect(!diagnostics.map(\.description).joined().contains(Sample.keyText.dropLast(1)))
    }

    @Test("lines of 64 KiB are refused, shorter ones are read")
    func longLines() throws {
        let name = "MINIO_KMS_SERVER="
        let longest = String(repeating: "a", count: 65_535 - name.utf8.count)
        #expect(try Self.parse(name + longest + "\n").entries.count == 1)
        let (entries, diagnostics) = try Self.parse(name + longest + "a\n")
        #expect(entries.isEmpty)
        #expect(diagnostics.map(\.message) == ["bufio.Scanner: token too long"])
    }

    @Test("of other variables not even the name is kept, and the agent's own are said to have no effect")
    func otherVariables() throws {
        let (entries, diagnostics) = try Self.parse("MINIO_ROOT_PASSWORD=x\nHOME=/\nKEYSIDE_LOG_LEVEL=debug")
        #expect(entries.isEmpty)
        #expect(diagnostics.map(\.severity) == [.warning])
        #expect(diagnostics.first?.place == .entry("KEYSIDE_LOG_LEVEL", file: "/env", line: 3))
    }

    @Test(
        "white space is what Unicode says it is",
        arguments: [
            "\t", "\u{B}", "\u{C}", "\u{85}", "\u{A0}", "\u{1680}", "\u{2000}", "\u{200A}", "\u{2028}", "\u{2029}",
            "\u{202F}", "\u{205F}", "\u{3000}", " \u{3000}\t\u{85}",
        ]
    )
    func whiteSpace(blank: String) {
        #expect((blank + "é x" + blank).trimmed == "é x")
        #expect(blank.trimmed.isEmpty)
    }

    @Test("characters that only look like white space stay", arguments: ["\u{200B}", "\u{FEFF}", "\u{180E}", "à"])
    func otherCharacters(character: String) {
        #expect(character.trimmed == character)
    }
}

extension String {
    fileprivate func replacingName(_ short: Character, with name: String) -> String {
        self.map { $0 == short ? name : String($0) }.joined()
    }
}
