// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// A settings file that is made to occupy the reader, or to be read otherwise than it looks.
@Suite struct HostileSettingsAttackTests {
    private func check(_ text: String) throws -> Keyside.Outcome {
        let folder = try TemporaryDirectory()
        return try Keyside.run(
            ["check", "--config", try folder.write(text, to: "config.yaml")],
            environment: ["MINIO_KMS_SECRET_KEY": AgentSetup.knownKey])
    }

    static let deep = [
        String(repeating: "[", count: 100_000), String(repeating: "{", count: 100_000),
        String(repeating: "- ", count: 100_000), String(repeating: "[\n", count: 100_000),
        "a: " + String(repeating: "[", count: 100_000),
    ]

    @Test("is refused at the depth that settings never have", arguments: 0..<Self.deep.count)
    func nestingIsBounded(index: Int) throws {
        let outcome = try self.check(Self.deep[index])
        #expect(outcome.status == .exited(78))
        #expect(outcome.output.contains("config.yaml:") && outcome.output.contains("nested more than 32 levels deep"))
    }

    @Test("is refused if it is longer than any settings file")
    func theLengthIsBounded() throws {
        let outcome = try self.check(String(repeating: "# nothing\n", count: 200_000))
        #expect(outcome.status == .exited(78))
        #expect(outcome.output.contains("longer than 1024 KiB"))
    }

    static let misleading = [
        ("cache:\n  max_entries: !!str 7\n", 2, "tags"), ("cache: !settings\n  max_entries: 7\n", 1, "tags"),
        ("cache: &a\n  max_entries: 7\n", 1, "anchors"), ("cache:\n  max_entries: *a\n", 2, "alias"),
        ("%TAG ! tag:example.com,2000:\n---\ncache: {}\n", 1, "directives"),
        ("cache: {}\n---\ncache: {}\n", 2, "second document"),
        ("cache:\n  max_entries: 7\n  max_entries: 8\n", 3, "max_entries"),
    ]

    @Test("is refused with the line if it is not what it looks like", arguments: Self.misleading)
    func whatMisleadsIsRefused(text: String, line: Int, problem: String) throws {
        let outcome = try self.check(text)
        #expect(outcome.status == .exited(78), "\(outcome.output)")
        let lines = outcome.output.split(separator: "\n").filter { $0.contains(": error: ") }
        #expect(lines.contains { $0.contains("config.yaml:\(line)") && $0.contains(problem) }, "\(lines)")
    }
}
