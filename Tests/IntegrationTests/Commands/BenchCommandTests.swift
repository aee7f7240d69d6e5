// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport
import Testing

/// `keyside bench` against a running agent.
@Suite struct BenchCommandTests {
    private func bench(_ arguments: String, _ agent: AgentProcess? = nil) throws -> Keyside.Outcome {
        let agent = try agent ?? SharedAgent.running
        return try Keyside.run(
            ["bench"] + arguments.split(separator: " ").map(String.init) + ["--socket", agent.socketPath])
    }

    private static let members = [
        "errors", "hit_ratio", "max_us", "ops", "ops_per_s", "p50_us", "p90_us", "p999_us", "p99_us",
        "server_cpu_us_per_op",
        "server_rss_bytes",
    ]

    @Test(arguments: ["decrypt", "generate", "mixed"], [1, 7])
    func itAsksAsOftenAsItIsTold(operation: String, connections: Int) throws {
        try withAgent { agent in
            let outcome = try self.bench(
                "--op \(operation) --requests 500 --distinct 20 --connections \(connections) --output json", agent)
            #expect(outcome.status == .exited(0) && outcome.error.isEmpty, "\(outcome.error)")
            let result = try JSONValue(outcome.output)
            #expect(result.names == Self.members)
            #expect(result["ops"].integer == 500 && result["errors"].integer == 0)
            let made = operation == "generate" ? 0 : 20
            let requests = try agent.ask(.get("/v1/status")).json["keyside"]["requests"]
            #expect(requests["succeeded"].integer == 500 + made && requests["refused"].integer == 0)
        }
    }

    @Test func figuresAreOfTheRightOrder() throws {
        let outcome = try self.bench("--duration 1s --distinct 10 --connections 4 --output json")
        #expect(outcome.status == .exited(0))
        let result = try JSONValue(outcome.output)
        let figures = try ["ops", "ops_per_s", "p50_us", "p90_us", "p99_us", "p999_us", "max_us"]
            .map { name in
                guard case .number(let figure) = result[name] else { throw TestFailure.unusable("\(name): \(result)") }
                return figure
            }
        #expect(figures[0] > 0 && figures[1] <= figures[0], "in at least a second")
        #expect(figures[2] > 0 && figures[2...].elementsEqual(figures[2...].sorted()))
        guard case .number(let cpu) = result["server_cpu_us_per_op"] else { throw TestFailure.unusable("\(result)") }
        #expect(cpu > 0 && cpu < 1e6)
        #expect(try #require(result["server_rss_bytes"].integer) > 1 << 20)
    }

    @Test func peopleReadATable() throws {
        let outcome = try self.bench("--requests 100 --distinct 1 --zipf 1.1 --connections 1")
        #expect(outcome.status == .exited(0) && outcome.error.isEmpty)
        #expect(outcome.output.hasPrefix("decrypt, 1 connection, 1 data key\noperations  100 in "))
        for word in ["p99.9 ", "errors      0\n", "hits        ", "MiB resident\n"] {
            #expect(outcome.output.contains(word))
        }
    }

    @Test func whatIsRefusedIsAnError() throws {
        let outcome = try self.bench("--op generate --key other-key --requests 50 --output json")
        #expect(outcome.status == .exited(1))
        #expect(outcome.error == "keyside: 50 requests failed, the first with the status 404\n")
        let result = try JSONValue(outcome.output)
        #expect(result["ops"].integer == 0 && result["errors"].integer == 50)
        #expect(result["p50_us"].integer == 0 && result["hit_ratio"].integer == 0)
    }

    @Test func withoutDataKeysThereIsNothingToDecrypt() throws {
        let outcome = try self.bench("--key other-key --requests 50")
        #expect(outcome.status == .exited(1) && outcome.output.isEmpty)
        #expect(outcome.error == "keyside: key does not exist\n")
    }

    @Test func moreConnectionsThanTheAgentTakesAreErrors() throws {
        try withAgent { setup in
            setup.environment["KEYSIDE_LIMITS_CONNECTIONS"] = "4"
        } body: { agent in
            let outcome = try self.bench("--requests 200 --distinct 1 --connections 8 --output json", agent)
            #expect(outcome.status == .exited(1))
            let result = try JSONValue(outcome.output)
            let (operations, errors) = (result["ops"].integer ?? 0, result["errors"].integer ?? 0)
            #expect(operations + errors == 200 && errors >= 4)
        }
    }

    @Test func withoutAnAgentItIs69() throws {
        let outcome = try Keyside.run(["bench", "--socket", "/nonexistent/keyside.sock"])
        #expect(outcome.status == .exited(69) && outcome.output.isEmpty)
        #expect(outcome.error.contains("/nonexistent/keyside.sock") && outcome.error.contains("keyside run"))
    }

    // MARK: Ends before its time

    /// Starts a long load, and calls `body` with its process while it is under way.
    private static func loading(
        _ agent: AgentProcess, _ body: @Sendable (pid_t) throws -> Void
    ) async throws -> Keyside.Outcome {
        let folder = try TemporaryDirectory()
        let binary = try Keyside.binary()
        let command = "echo $$ >pid; exec \(binary) bench --distinct 1 --duration 3m --output json"
        return try await blocking {
            async let outcome = onThread {
                try Keyside.run(["-c", "\(command) --socket \(agent.socketPath)"]) { launch in
                    launch.program = "/bin/sh"
                    launch.workingFolder = folder.path
                }
            }
            try agent.wait(for: "requests") {
                try agent.ask(.get("/v1/status")).json["keyside"]["requests"]["succeeded"].integer ?? 0 >= 100
            }
            try body(try #require(pid_t(try text(of: folder("pid")).filter(\.isNumber))))
            return try await outcome
        }
    }

    @Test(arguments: [SIGINT, SIGTERM])
    func anInterruptEndsItEarly(signal: CInt) async throws {
        let agent = try AgentProcess()
        let outcome = try await Self.loading(agent) { process in kill(process, signal) }
        #expect(outcome.status == .exited(0) && outcome.error.isEmpty)
        #expect(try #require(JSONValue(outcome.output)["ops"].integer) >= 90)
    }

    @Test func anAgentThatGoesIs69AndWhatWasMeasuredIsTold() async throws {
        let agent = try AgentProcess()
        let outcome = try await Self.loading(agent) { _ in agent.process.kill() }
        #expect(outcome.status == .exited(69) && outcome.error.contains("the agent has stopped"))
        #expect(try #require(JSONValue(outcome.output)["ops"].integer) >= 90)
    }
}
