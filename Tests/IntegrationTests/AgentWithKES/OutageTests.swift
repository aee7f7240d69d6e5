// SPDX-License-Identifier: Apache-2.0

import FakeKES
import KESProtocol
import KeyService
import TestSupport
import Testing

extension AgentWithKESTests {
    /// No server is left, or there is no room for another request.
    @Suite struct OutageTests {
        @Test(arguments: ConnectionFaults.HTTPVersion.allCases)
        func withoutServersKeyOperationsFailInKESsWordsUntilOneReturns(version: ConnectionFaults.HTTPVersion)
            async throws
        {
            try await withKESAgent(servers: 3) { setup, _ in
                setup.speak(version)
                setup.environment["KEYSIDE_UPSTREAM_TIMEOUT"] = "1m"
            } body: { agent, cluster in
                try expectService(by: agent)
                for server in cluster.servers { await server.goDown() }
                let failures = [
                    (HTTPRequest.generate(), "failed to read key"),
                    (.decrypt(ciphertext: .random(76)), "failed to read key"),
                    (.encrypt(plaintext: [1]), "failed to read key"),
                    (.post("/v1/key/hmac/my-key", "{\"message\":\"\"}"), "failed to read key"),
                    (.get("/v1/key/describe/my-key"), "failed to read key"),
                    (.get("/v1/key/list/"), "failed to list keys"),
                    (HTTPRequest("PUT", "/v1/key/create/new-key"), "failed to create key"),
                    (HTTPRequest("DELETE", "/v1/key/delete/my-key"), "failed to delete key"),
                ]
                let begin = ContinuousClock.now
                for (request, message) in failures { expect(try agent.ask(request), refuses: 502, message) }
                expect(try agent.ask(.get("/v1/ready")), refuses: 504, "key store is not reachable")
                // All of them wait for the connect timeout of two seconds, together and not each; none for a minute.
                #expect(ContinuousClock.now - begin < .seconds(20))

                let line = try agent.notifications.waitForStatus { $0.contains("none of 3 key servers answers") }
                #expect(cluster.servers.allSatisfy { line.contains("\($0.endpoint) since 2") }, "\(line)")
                let status = try agent.ask(.get("/v1/status")).json
                #expect(status["keystore_unreachable"].bool == true)
                #expect(status["keyside"]["state"].string == "unavailable")
                #expect(try agent.metrics["keyside_upstream_up"]?.samples.allSatisfy { $0.value == 0 } == true)

                try await cluster.servers[1].comeBack()
                let returned = ContinuousClock.now
                try agent.wait(for: "service") { try agent.ask(.generate()).isDataKey }
                // Within a second; the rest is for machines that have other work too.
                #expect(ContinuousClock.now - returned < .seconds(5))
                #expect(try agent.ask(.get("/v1/ready")).status == 200)
                try agent.notifications.waitForStatus { $0.contains("2 of 3 key servers do not answer") }
            }
        }

        /// For as long as a connection may take, an outage is nothing but a delay.
        @Test(arguments: ConnectionFaults.HTTPVersion.allCases)
        func requestsWaitForAServerThatReturnsSoon(version: ConnectionFaults.HTTPVersion) async throws {
            try await withKESAgent { setup, _ in
                setup.speak(version)
                setup.environment["KEYSIDE_UPSTREAM_CONNECT_TIMEOUT"] = "30s"
                setup.environment["KEYSIDE_UPSTREAM_TIMEOUT"] = "1m"
            } body: { agent, cluster in
                try expectService(by: agent)
                await cluster.server.goDown()
                let connections = try (0..<8).map { _ in try agent.connect() }
                for connection in connections { try connection.send(.generate()) }
                try agent.wait(for: "the outage") { try agent.metrics.isUp(cluster.server) == false }
                try await cluster.server.comeBack()
                for connection in connections { #expect(try connection.receiveAnswer().isDataKey) }
            }
        }

        @Test(arguments: ConnectionFaults.HTTPVersion.allCases)
        func beyondTheBoundsTheAnswerIs503AtOnce(version: ConnectionFaults.HTTPVersion) async throws {
            try await withKESAgent { setup, _ in
                setup.speak(version)
                setup.environment["KEYSIDE_UPSTREAM_MAX_IN_FLIGHT"] = "2"
                setup.environment["KEYSIDE_UPSTREAM_MAX_QUEUED"] = "1"
            } body: { agent, cluster in
                cluster.server.faults.set(.hold, on: .onKeys)
                var connections = try (0..<5).map { _ in try agent.connect() }
                for connection in connections { try connection.send(.generate()) }
                try await cluster.server.wait(for: "two requests") { $0.heldCount == 2 }
                let refused = try RawConnection.waitForInput(on: connections, atLeast: 2)
                #expect(refused.count == 2, "two are under way and one waits")
                for connection in refused {
                    let answer = try connection.receiveAnswer()
                    expect(answer, refuses: 503, "too many requests in progress")
                    #expect(answer["Retry-After"] == "1")
                }
                connections.removeAll { connection in refused.contains { $0 === connection } }
                #expect(cluster.server.requestCount(.generateKey) == 2)
                #expect(try agent.ask(.get("/v1/ready")).status == 200, "those who ask how it is are no load")

                cluster.server.faults.clear()
                cluster.server.release()
                for connection in connections { #expect(try connection.receiveAnswer().isDataKey) }
                #expect(cluster.server.requestCount(.generateKey) == 3)
            }
        }

        /// An endpoint has 24 requests at a time. What waits for one of its places is bounded like all that waits.
        @Test(arguments: ConnectionFaults.HTTPVersion.allCases)
        func theQueueIsBoundedWhereAServerHasAllItMayHave(version: ConnectionFaults.HTTPVersion) async throws {
            try await withKESAgent { setup, _ in
                setup.speak(version)
                setup.environment["KEYSIDE_UPSTREAM_MAX_QUEUED"] = "2"
            } body: { agent, cluster in
                try expectService(by: agent)
                let before = cluster.server.requestCount(.generateKey)
                cluster.server.faults.set(.hold, on: .onKeys)
                var connections = try (0..<29).map { _ in try agent.connect() }
                for connection in connections { try connection.send(.generate()) }
                try await cluster.server.wait(for: "24 requests") { $0.heldCount == 24 }
                let refused = try RawConnection.waitForInput(on: connections, atLeast: 3)
                #expect(refused.count == 3, "24 are in flight and two wait")
                for connection in refused {
                    expect(try connection.receiveAnswer(), refuses: 503, "too many requests in progress")
                }
                connections.removeAll { connection in refused.contains { $0 === connection } }
                #expect(cluster.server.requestCount(.generateKey) == before + 24)

                cluster.server.faults.clear()
                cluster.server.release()
                for connection in connections { #expect(try connection.receiveAnswer().isDataKey) }
                #expect(cluster.server.requestCount(.generateKey) == before + 26)
            }
        }

        /// Who gives up makes room, and takes nobody with it.
        @Test(arguments: ConnectionFaults.HTTPVersion.allCases)
        func aClientThatGivesUpDoesNotDisturbTheOthers(version: ConnectionFaults.HTTPVersion) async throws {
            try await withKESAgent { setup, _ in
                setup.speak(version)
                setup.turnOffCache()
                setup.environment["KEYSIDE_UPSTREAM_MAX_IN_FLIGHT"] = "2"
            } body: { agent, cluster in
                let ciphertext = try #require(agent.ask(.generate()).bytes("ciphertext"))
                cluster.server.faults.set(.hold, on: .onKeys)
                let (impatient, patient, waiting) = (try agent.connect(), try agent.connect(), try agent.connect())
                for connection in [impatient, patient] { try connection.send(.decrypt(ciphertext: ciphertext)) }
                try await cluster.server.wait(for: "two requests") { $0.heldCount == 2 }
                try waiting.send(.decrypt(ciphertext: ciphertext))
                try waiting.waitUntilTaken()

                cluster.server.faults.clear()
                impatient.close()
                #expect(try waiting.receiveAnswer().bytes("plaintext")?.count == 32)
                cluster.server.release()
                #expect(try patient.receiveAnswer().bytes("plaintext")?.count == 32)
                try agent.wait(for: "nothing to be under way") {
                    try agent.metrics.value("keyside_upstream_in_flight", ["endpoint": cluster.server.endpoint]) == 0
                }
            }
        }
    }
}
