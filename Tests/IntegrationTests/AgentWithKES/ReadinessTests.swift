// SPDX-License-Identifier: Apache-2.0

import FakeKES
import TestSupport
import Testing

extension AgentWithKESTests {
    /// When the service manager hears that the agent is ready.
    @Suite struct ReadinessTests {
        /// Starts an agent without a server that answers, which then comes.
        private static func withLateServer(
            requiresUpstream: Bool, body: (AgentProcess, FakeKES) async throws -> Void
        ) async throws {
            try await withCluster { cluster in
                await cluster.server.goDown()
                var setup = AgentSetup()
                setup.environment = cluster.environment()
                setup.environment["KEYSIDE_READY_REQUIRE_UPSTREAM"] = "\(requiresUpstream)"
                let agent = try AgentProcess(starting: setup)
                try await body(agent, cluster.server)
            }
        }

        @Test func theAgentIsReadyOnceTheBackendHasAnswered() async throws {
            try await Self.withLateServer(requiresUpstream: true) { agent, server in
                let line = try agent.notifications.waitForStatus { $0.contains("Waiting for the backend") }
                #expect(line.contains("the key server does not answer: \(server.endpoint) since 2"), "\(line)")
                #expect(!agent.notifications.assignments.contains("READY=1"))
                expect(try agent.ask(.get("/v1/ready")), refuses: 504, "key store is not reachable")
                #expect(!agent.notifications.assignments.contains("READY=1"))

                try await server.comeBack()
                #expect(try agent.becomesReady())
                let status = try agent.notifications.waitForStatus { $0.contains("Serving data keys") }
                #expect(status.contains("my-key") && status.contains(agent.socketPath) && !status.contains("answer"))
                #expect(server.snapshot.requestCount > 0, "it has answered")
                try expectService(by: agent)
            }
        }

        @Test func theAgentIsReadyAtOnceWhereTheOperatorDoesNotInsist() async throws {
            try await Self.withLateServer(requiresUpstream: false) { agent, server in
                #expect(try agent.becomesReady())
                expect(try agent.ask(.get("/v1/ready")), refuses: 504, "key store is not reachable")
                try agent.notifications.waitForStatus {
                    $0.contains("Serving data keys") && $0.contains("the key server does not answer")
                }
                try await server.comeBack()
                try agent.wait(for: "service") { try agent.ask(.get("/v1/ready")).status == 200 }
                try agent.notifications.waitForStatus { $0.contains("Serving data keys") && !$0.contains("answer") }
                try expectService(by: agent)
            }
        }

        /// A server that refuses this client is there all the same: nothing is gained by not starting.
        @Test func aServerThatRefusesHasAnswered() async throws {
            try await withKESAgent { setup, cluster in
                cluster.server.access[cluster.credentials.apiKey.identity] = nil
            } body: { agent, _ in
                let answer = try agent.ask(.get("/v1/ready"))
                #expect(answer.status == 200)
            }
        }

        @Test func anAgentThatWaitsCanBeStopped() async throws {
            try await Self.withLateServer(requiresUpstream: true) { agent, _ in
                try agent.notifications.waitForStatus { $0.contains("Waiting for the backend") }
                try agent.signal(15)
                #expect(try agent.waitForExit() == .exited(0))
                #expect(!agent.notifications.assignments.contains("READY=1"))
            }
        }
    }
}
