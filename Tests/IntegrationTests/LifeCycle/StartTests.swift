// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport
import Testing

/// From the first line in the log to READY, and what a service manager hears on the way.
@Suite struct StartTests {
    @Test func readyMeansThatTheSocketAccepts() throws {
        for _ in 0..<10 {
            // Returns at READY=1, and not later.
            try withAgent { agent in
                let answer = try agent.ask(.get("/v1/ready"))
                #expect(answer.status == 200)
            }
        }
    }

    @Test func theServiceManagerHearsWhatIsServed() throws {
        try withAgent { agent in
            let assignments = agent.notifications.assignments
            #expect(assignments.filter { $0 == "READY=1" }.count == 1)
            let status = try #require(assignments.last { $0.hasPrefix("STATUS=") })
            #expect(status.contains("my-key"))
            #expect(!assignments.contains("STOPPING=1"))
        }
    }

    @Test func theLogTellsOnceWhatIsServedFromWhereAndHow() throws {
        try withAgent { agent in
            let lines = try agent.log.split(separator: "\n")
            #expect(lines.filter { $0.contains("my-key") && $0.contains("static key") }.count == 1)
            #expect(lines.contains { $0.contains("listening") && $0.contains(agent.socketPath) })
            #expect(lines.filter { $0.contains("memfd_secret") || $0.contains("mlock2") }.count == 1)
            #expect(lines.last?.contains("ready") == true)
        }
    }

    @Test func withoutAServiceManagerItRunsAllTheSame() throws {
        let folder = try TemporaryDirectory()
        try withAgent { setup in
            setup.environment["KEYSIDE_SOCKET_PATH"] = folder("ignored.sock")  // The flag counts more.
        } body: { agent in
            #expect(FileStatus(folder("ignored.sock")) == nil)
            #expect(FileStatus(agent.socketPath)?.kind == .socket)
        }
    }

    /// Whatever a client does with its requests, the agent must not end up as a core file or in a debugger.
    @Test func theProcessIsHardened() throws {
        try withAgent { agent in
            let limits = try text(of: "/proc/\(agent.process.processID)/limits").split(separator: "\n")
            let core = try #require(limits.first { $0.hasPrefix("Max core file size") })
            #expect(core.split(separator: " ").suffix(3).dropLast().allSatisfy { $0 == "0" }, "\(core)")
            let descriptors = try #require(limits.first { $0.hasPrefix("Max open files") }).split(separator: " ")
            #expect(descriptors[3] == descriptors[4], "a connection is a descriptor")
            // A process that may not be dumped belongs to root, whoever runs it.
            #expect(FileStatus("/proc/\(agent.process.processID)/environ")?.owner == 0)
        }
    }

    @Test(.enabled(if: Account.isRoot, "needs root to become nobody"))
    func anAgentOfAnotherUserIsClosedToThatUser() throws {
        try withAgent {
            $0.account = .nobody
        } body: { agent in
            try expectService(by: agent)
            #expect(FileStatus("/proc/\(agent.process.processID)/environ")?.owner == 0)
        }
    }
}
