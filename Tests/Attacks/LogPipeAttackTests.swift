// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport
import Testing

/// The agent's log, or its messages to the service manager, are not read.
@Suite struct LogPipeAttackTests {
    private func withSilencedAgent(
        _ configure: (inout AgentSetup) -> Void = { _ in }, body: (AgentProcess, FullPipe) throws -> Void
    ) throws {
        let pipe = try FullPipe()
        try withAgent {
            $0.standardError = pipe.input
            configure(&$0)
        } body: { agent in
            try body(agent, pipe)
        }
    }

    private func start(loggingTo pipe: FullPipe) throws -> AgentProcess {
        var setup = AgentSetup()
        setup.standardError = pipe.input
        setup.environment["SWIFT_BACKTRACE"] = "enable=no"
        return try AgentProcess(setup)
    }

    @Test func doesNotKeepTheAgentFromServingReloadingAndStopping() throws {
        try self.withSilencedAgent { agent, _ in
            try expectService(by: agent)
            let count = agent.notifications.assignments.count
            try agent.signal(SIGHUP)
            try agent.notifications.wait(for: "READY=1", after: count)
            try expectService(by: agent)
            try agent.signal(SIGTERM)
            #expect(try agent.waitForExit() == .exited(0))
        }
    }

    @Test func doesNotKeepTheSecondSignalFromEndingTheProcess() throws {
        try self.withSilencedAgent {
            $0.environment["KEYSIDE_SHUTDOWN_DRAIN"] = "24h"
        } body: { agent, _ in
            let hanging = try agent.connect()
            try hanging.send("POST /v1/key/generate/my-key HTTP/1.1\r\n")
            try hanging.waitUntilTaken()
            try agent.signal(SIGTERM)
            try agent.notifications.wait(for: "STOPPING=1")
            try agent.signal(SIGTERM, untilExitWithin: .standard)
            #expect(try agent.waitForExit() == .exited(0))
        }
    }

    @Test func costsLinesWhichAreCountedAndReported() throws {
        try self.withSilencedAgent {
            $0.arguments = ["--log-level", "debug"]
        } body: { agent, pipe in
            let connection = try agent.connect()
            try agent.wait(for: "lines to be dropped") {
                try connection.send([HTTPRequest](repeating: .get("/version"), count: 500))
                _ = try connection.receiveAnswers(500)
                return try agent.metrics.value("keyside_log_dropped_total") ?? 0 > 0
            }
            var log = ""
            while !log.contains("log lines dropped count=") {
                log += try pipe.read()
            }
            try agent.signal(SIGKILL)
        }
    }

    @Test func stillGetsTheLastLinesOfAnAgentThatStops() throws {
        let pipe = try FullPipe()
        let agent = try self.start(loggingTo: pipe)
        try agent.signal(SIGTERM)
        try agent.notifications.wait(for: "STOPPING=1")
        let log = try pipe.readToTheEnd()
        #expect(log.contains("starting") && log.contains("stopped"))
        #expect(try agent.waitForExit() == .exited(0))
    }

    @Test func stillGetsTheLinesBeforeACrash() throws {
        let pipe = try FullPipe()
        let agent = try self.start(loggingTo: pipe)
        try agent.signal(SIGABRT)
        #expect(try pipe.readToTheEnd().contains("ready socket="))
        #expect(try agent.waitForExit() == .killed(SIGABRT))
    }

    @Test(
        arguments: [(["run", "--frobnicate"], 64), (["run"], 78), (["run", "--log-level", "loud"], 78)]
            as [([String], Int32)])
    func doesNotKeepAnErrorFromEndingTheProcess(arguments: [String], status: Int32) throws {
        let pipe = try FullPipe()
        let null = try Descriptor.open("/dev/null", O_RDWR)
        var launch = Launch(try Keyside.binary())
        launch.arguments = arguments
        let process = try ChildProcess(launch, input: null, output: null, error: try #require(pipe.input))
        #expect(try process.waitForExit() == .exited(status))
    }

    @Test func aServiceManagerThatDoesNotReadStopsNothing() throws {
        try withAgent { agent in
            try agent.notifications.fill()
            for _ in 0..<3 {
                try agent.signal(SIGHUP)
                try expectService(by: agent)
            }
            try agent.signal(SIGTERM)
            #expect(try agent.waitForExit() == .exited(0))
        }
    }
}
