// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// `keyside status`, for people, programs and health checks.
@Suite struct StatusCommandTests {
    @Test func itTellsWhatRuns() throws {
        let agent = try SharedAgent.running
        let outcome = try Keyside.run(["status", "--socket", agent.socketPath])
        #expect(outcome.status == .exited(0) && outcome.error.isEmpty)
        #expect(outcome.output.wholeMatch(of: /keyside \S+  ready  [\s\S]*/) != nil)
        for fact in ["static key", "my-key", agent.socketPath, "locked"] { #expect(outcome.output.contains(fact)) }
    }

    @Test func programsReadItAsTheAgentSaysIt() throws {
        let agent = try SharedAgent.running
        let outcome = try Keyside.run(["status", "--output", "json", "--socket", agent.socketPath])
        #expect(outcome.status == .exited(0))
        let json = try JSONValue(outcome.output)
        let direct = try agent.ask(.get("/v1/status")).json
        #expect(json["version"] == direct["version"] && json["keyside"]["pid"] == direct["keyside"]["pid"])
        #expect(json.names == direct.names)
    }

    @Test func theSocketMayBeNamedInTheEnvironment() throws {
        let path = try SharedAgent.running.socketPath
        #expect(try Keyside.run(["status"], environment: ["KEYSIDE_SOCKET": path]).status == .exited(0))
    }

    @Test func aHealthCheckIsSilent() throws {
        let ready = try Keyside.run(["status", "--check", "--socket", try SharedAgent.running.socketPath])
        #expect(ready.status == .exited(0) && ready.output.isEmpty && ready.error.isEmpty)
        let missing = try Keyside.run(["status", "--check", "--socket", "/nonexistent/keyside.sock"])
        #expect(missing.status == .exited(69) && missing.output.isEmpty && missing.error.isEmpty)
    }

    @Test func withoutAnAgentItIs69AndSaysWhatToDo() throws {
        let outcome = try Keyside.run(["status", "--socket", "/nonexistent/keyside.sock"])
        #expect(outcome.status == .exited(69) && outcome.output.isEmpty)
        #expect(outcome.error.contains("/nonexistent/keyside.sock") && outcome.error.contains("keyside run"))
    }

    @Test func aSocketThatNobodyListensOnIs69() throws {
        try withAgent { agent in
            agent.process.kill()
            let outcome = try Keyside.run(["status", "--socket", agent.socketPath])
            #expect(outcome.status == .exited(69))
        }
    }

    @Test(
        .enabled(if: Account.isRoot, "needs root to become nobody"),
        arguments: ["status", "key list", "key generate my-key"])
    func withoutPermissionToConnectItIs77(command: String) throws {
        let words = command.split(separator: " ").map(String.init)
        let outcome = try Keyside.run(words + ["--socket", try SharedAgent.running.socketPath]) { $0.account = .nobody }
        #expect(outcome.status == .exited(77) && outcome.output.isEmpty)
        #expect(outcome.error.contains("group"), "what to do: \(outcome.error)")
    }
}
