// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// `keyside key …` against a running agent.
@Suite struct KeyCommandTests {
    private func key(_ arguments: [String], input: String = "") throws -> Keyside.Outcome {
        try Keyside.run(["key"] + arguments + ["--socket", try SharedAgent.running.socketPath], input: input)
    }

    private let context = Vector.context.base64

    @Test(arguments: [false, true])
    func aDataKeyIsMadeAndOpened(fromStandardInput: Bool) throws {
        let made = try self.key(["generate", "my-key", "--context", self.context])
        #expect(made.status == .exited(0) && made.error.isEmpty)
        let match = try #require(made.output.wholeMatch(of: /plaintext: (\S+)\nciphertext: (\S+)\n/))
        let (plaintext, ciphertext) = (String(match.1), String(match.2))
        #expect([UInt8](base64: plaintext)?.count == 32)

        let value = fromStandardInput ? [] : [ciphertext]
        let input = fromStandardInput ? "\(ciphertext)\n" : ""
        let opened = try self.key(["decrypt", "my-key"] + value + ["--context", self.context], input: input)
        #expect(opened.status == .exited(0) && opened.output == "plaintext: \(plaintext)\n")

        let refused = try self.key(["decrypt", "my-key"] + value, input: input)
        #expect(refused.status == .exited(1) && refused.output.isEmpty)
        #expect(refused.error.contains("ciphertext is not authentic"))
        #expect(!refused.error.contains(plaintext) && !refused.error.contains(ciphertext))
    }

    @Test func programsReadOneObject() throws {
        let made = try JSONValue(try self.key(["generate", "my-key", "--output", "json"]).output)
        #expect(made.names == ["ciphertext", "plaintext"])
        let ciphertext = try #require(made["ciphertext"].string)
        let opened = try JSONValue(try self.key(["decrypt", "my-key", ciphertext, "--output", "json"]).output)
        #expect(opened == .object(["plaintext": made["plaintext"]]))
        let code = try JSONValue(try self.key(["hmac", "my-key", "--output", "json"]).output)
        #expect(code == .object(["hmac": .string("04tCCW2A9F+Ca0Sp1WB95ySWpBXT9KGoyI47udqNwcs=")]))
        #expect(
            try JSONValue(try self.key(["list", "--output", "json"]).output)
                == .object(["names": .array([.string("my-key")])]))
    }

    @Test func theVectorOpens() throws {
        let outcome = try self.key(["decrypt", "my-key", Vector.binary.base64, "--context", self.context])
        #expect(outcome.output == "plaintext: \(Vector.plaintext.base64)\n")
    }

    @Test(arguments: ["", "hello", "two\nlines\n", "ü"])
    func theMessageOfAMACIsTakenAsItIs(message: String) throws {
        let outcome = try self.key(["hmac", "my-key"], input: message)
        let direct = try SharedAgent.running.ask(
            .post("/v1/key/hmac/my-key", "{\"message\":\"\(Array(message.utf8).base64)\"}"))
        #expect(outcome.status == .exited(0))
        #expect(outcome.output == "hmac: \(try #require(direct.json["hmac"].string))\n")
    }

    @Test func namesAreListedOneALine() throws {
        #expect(try self.key(["list"]).output == "my-key\n")
        #expect(try self.key(["list", "my"]).output == "my-key\n")
        let none = try self.key(["list", "zzz"])
        #expect(none.status == .exited(0) && none.output.isEmpty && none.error.isEmpty)
    }

    @Test(
        arguments: [
            ("encrypt my-key aGVsbG8=", "not supported"), ("create new-key", "not supported"),
            ("import new-key", "not supported"), ("describe my-key", "not supported"),
            ("delete my-key", "not supported"),
            ("create my-key", "key already exists"), ("generate other-key", "key does not exist"),
            ("generate a.b", "key name 'a.b'"), ("list a.b", "listing pattern 'a.b'"),
            ("decrypt my-key e30", "base64"), ("decrypt my-key aGVsbG8=", "not authentic"),
        ]
    )
    func whatFailsIs1AndSaysWhy(command: String, reason: String) throws {
        let words = command.split(separator: " ").map(String.init)
        let outcome = try self.key(words, input: [UInt8](repeating: 1, count: 32).base64)
        #expect(outcome.status == .exited(1) && outcome.output.isEmpty)
        #expect(outcome.error.hasPrefix("keyside: ") && outcome.error.contains(reason), "\(outcome.error)")
    }

    @Test func aValueThatIsTooLongIsRefusedByTheAgent() throws {
        let long = [UInt8].random(760_000).base64
        let outcome = try self.key(["decrypt", "my-key"], input: long)
        #expect(outcome.status == .exited(1))
        #expect(outcome.error.contains("invalid request body"))
    }

    @Test func withoutAnAgentItIs69() throws {
        let outcome = try Keyside.run(["key", "generate", "my-key", "--socket", "/nonexistent/s"])
        #expect(outcome.status == .exited(69) && outcome.output.isEmpty)
    }

    /// The client, too, locks what it can and does not fail where it cannot.
    @Test(.enabled(if: Account.isRoot, "needs root to become somebody who may lock no memory"))
    func withoutLockedMemoryItWorksAllTheSame() throws {
        try withAgent {
            $0.arguments = ["--socket-mode", "0666"]
        } body: { agent in
            let outcome = try Keyside.run(["key", "generate", "my-key", "--socket", agent.socketPath]) {
                $0.account = .nobody
                $0.lockedMemoryMax = 0
            }
            #expect(outcome.status == .exited(0))
        }
    }
}
