// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// What every command says of itself, and what it says to somebody who gets it wrong.
@Suite struct UsageTests {
    @Test(
        arguments: [
            "", "run", "check", "status", "bench", "version", "key", "key generate", "key encrypt", "key decrypt",
            "key hmac",
            "key create", "key import", "key describe", "key list", "key delete", "cache", "cache stats", "cache purge",
        ]
    )
    func everyCommandExplainsItself(command: String) throws {
        let words = command.split(separator: " ").map(String.init)
        let outcome = try Keyside.run(words + ["--help"])
        #expect(outcome.status == .exited(0) && outcome.error.isEmpty)
        #expect(outcome.output.hasPrefix("OVERVIEW: "))
        #expect(outcome.output.contains("USAGE: \((["keyside"] + words).joined(separator: " "))"))
        guard !words.isEmpty else { return }
        #expect(try Keyside.run(["help"] + words).output == outcome.output)
    }

    @Test(
        arguments: [
            "frobnicate", "run --frobnicate", "run extra", "check --socket", "status --output xml", "version --output",
            "key frobnicate", "key generate", "key generate my-key extra", "key generate my-key --context ?",
            "key decrypt", "key import my-key --cipher des", "key delete", "--frobnicate", "key list a b",
            "bench extra", "bench --op encrypt", "bench --connections 0", "bench --requests 0", "bench --distinct 0",
            "bench --duration 10", "bench --duration 0s", "bench --duration 1s --requests 1", "bench --zipf -1",
            "bench --key",
        ]
    )
    func wrongUsageIs64(command: String) throws {
        let outcome = try Keyside.run(command.split(separator: " ").map(String.init))
        #expect(outcome.status == .exited(64))
        #expect(outcome.output.isEmpty && !outcome.error.isEmpty)
    }

    @Test func theVersionIsTold() throws {
        let flag = try Keyside.run(["--version"])
        #expect(flag.status == .exited(0))
        let version = try #require(flag.output.wholeMatch(of: /keyside (\d+\.\d+\.\d+\S*)\n/)?.1)
        let text = try Keyside.run(["version"])
        #expect(text.status == .exited(0))
        #expect(text.output.hasPrefix("keyside \(version)\n") && text.output.contains("libcurl"))
        let json = try JSONValue(try Keyside.run(["version", "--output", "json"]).output)
        #expect(json["version"].string == String(version))
        #expect(json["commit"].string?.isEmpty == false)
        #expect(json["libraries"].names.count >= 2)
        #expect(try SharedAgent.running.ask(.get("/version")).json["version"].string == String(version))
    }
}
