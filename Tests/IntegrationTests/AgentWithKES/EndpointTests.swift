// SPDX-License-Identifier: Apache-2.0

import FakeKES
import KESProtocol
import KeyService
import TestSupport
import Testing

extension AgentWithKESTests {
    /// One of several servers fails: nobody notices, and it is told to whoever asks.
    @Suite struct EndpointTests {
        enum Death: String, Sendable, CaseIterable {
            case refusesConnections, hangs, resetsInTheAnswer, answers500, showsAnExpiredCertificate,
                hangsInTheHandshake

            func strike(_ server: FakeKES) async {
                switch self {
                case .refusesConnections:
                    await server.goDown()
                case .hangs:
                    server.faults.set(.hold)
                case .resetsInTheAnswer:
                    server.faults.set(.reset(.inside))
                case .answers500:
                    server.faults.set(.status(500, message: "out of order"))
                case .showsAnExpiredCertificate:
                    server.connectionFaults.certificate = .expired
                    server.resetConnections()
                case .hangsInTheHandshake:
                    server.connectionFaults.handshake = .hangs
                    server.resetConnections()
                }
            }

            func heal(_ server: FakeKES) async throws {
                if self == .refusesConnections { try await server.comeBack() }
                server.faults.clear()
                server.release()
                server.connectionFaults = ConnectionFaults()
            }

            /// What is told of it.
            var reason: String {
                switch self {
                case .refusesConnections: "no connection"
                case .hangs: "no answer in time"
                case .resetsInTheAnswer: "the connection broke"
                case .answers500: "it answers 500"
                case .showsAnExpiredCertificate: "is not trusted: certificate has expired"
                case .hangsInTheHandshake: "no connection in time"
                }
            }
        }

        @Test(arguments: Self.byTurns(Death.allCases))
        func aServerThatFailsInTheMiddleOfWorkIsNoticedByNobody(
            death: Death, version: ConnectionFaults.HTTPVersion
        ) async throws {
            try await withKESAgent(servers: 3) { setup, _ in
                setup.speak(version)
                setup.turnOffCache()
                // A request that is lost in a server must have the time for another one.
                setup.environment["KEYSIDE_UPSTREAM_TIMEOUT"] = "8s"
                setup.environment["KEYSIDE_UPSTREAM_CONNECT_TIMEOUT"] = "1s"
            } body: { agent, cluster in
                let victim = cluster.server
                for server in cluster.servers { server.faults.set(.delay(.milliseconds(1))) }
                let report = try await underLoad(of: agent) {
                    try await victim.wait(for: "work") { $0.requestCount > 20 }
                    await death.strike(victim)
                    try agent.wait(for: "the victim to be marked down") { try agent.metrics.isUp(victim) == false }
                    try Self.expectOutage(of: victim, reason: death.reason, at: agent)

                    try await death.heal(victim)
                    let begin = ContinuousClock.now
                    try agent.wait(for: "the victim to be back") { try agent.metrics.isUp(victim) == true }
                    // Five seconds at the longest; the rest is for machines that have other work too.
                    #expect(ContinuousClock.now - begin < .seconds(15))
                    let count = victim.requestCount(.decrypt)
                    try await victim.wait(for: "new work") { $0.requestCounts[.decrypt] ?? 0 > count + 20 }
                }
                #expect(report.failures.isEmpty)
                #expect(try agent.log.split(separator: "\n").count { $0.contains("key server marked up") } == 1)
                try agent.notifications.waitForStatus { !$0.contains("key servers") }
            }
        }

        private static func expectOutage(of victim: FakeKES, reason: String, at agent: AgentProcess) throws {
            let metrics = try agent.metrics
            #expect(metrics["keyside_upstream_up"]?.samples.count { $0.value == 1 } == 2)
            let failed = metrics["keyside_upstream_requests_total"]?.samples
                .filter { $0.labels["endpoint"] == victim.endpoint && $0.labels["outcome"] != "succeeded" }
            #expect(failed?.isEmpty == false)

            let line = try agent.notifications.waitForStatus { $0.contains("1 of 3 key servers does not answer") }
            #expect(line.contains("\(victim.endpoint) since 2"), "\(line)")

            let backend = try agent.ask(.get("/v1/status")).json["keyside"]["backend"]
            #expect(backend["reachable"].bool == true)
            let endpoints = backend["endpoints"].elements
            #expect(endpoints.count == 3 && endpoints.count { $0["online"].bool == true } == 2)
            let told = endpoints.first { $0["address"].string == victim.endpoint }?["reason"].string ?? ""
            #expect(told.contains(reason) || told.contains(Self.breakage), "\(told)")
            #expect(try agent.ask(.get("/v1/ready")).status == 200)

            let lines = try agent.log.split(separator: "\n").filter { $0.contains("key server marked down") }
            #expect(lines.contains { $0.contains(victim.endpoint) }, "\(lines)")
        }

        /// What is seen first of a server that cuts off what is under way.
        private static let breakage = "the connection broke"

        /// Each in one of the two versions, by turns, since one takes seconds.
        private static func byTurns<Value: Sendable>(_ values: [Value]) -> [(Value, ConnectionFaults.HTTPVersion)] {
            let versions = ConnectionFaults.HTTPVersion.allCases
            return values.enumerated().map { ($1, versions[$0 % versions.count]) }
        }

        /// What happens to answers now and then.
        static let mishaps: [Fault] = [
            .goAway, .refused, .truncated, .reset(.before), .reset(.inside), .reset(.after), .garbage,
            .status(503, message: "busy"), .status(500, message: "out of order"), .drip(every: .microseconds(10)),
            .delay(.milliseconds(20)), .missing(member: "plaintext"),
        ]

        /// Whatever breaks on the way of an answer is asked again elsewhere.
        @Test(arguments: Self.byTurns(Self.mishaps))
        func anAnswerThatBreaksNowAndThenIsNoticedByNobody(fault: Fault, version: ConnectionFaults.HTTPVersion)
            async throws
        {
            try await withKESAgent(servers: 3) { setup, _ in
                setup.speak(version)
                setup.turnOffCache()
            } body: { agent, cluster in
                for server in cluster.servers.dropFirst() { server.faults.set(fault, on: .onKeys, every: 23) }
                let report = try await underLoad(of: agent, clientCount: 6) {
                    for server in cluster.servers {
                        try await server.wait(for: "many faults") { $0.requestCounts[.decrypt] ?? 0 > 50 }
                    }
                }
                #expect(report.failures.isEmpty)
            }
        }

        // MARK: What is not repeatable

        private static let notRepeatable: [(HTTPRequest, Operation, String)] = [
            (HTTPRequest("PUT", "/v1/key/create/new-key"), .createKey, "failed to create key"),
            (
                .post(
                    "/v1/key/import/new-key",
                    "{\"key\":\"\([UInt8](repeating: 1, count: 32).base64)\",\"cipher\":\"AES256\"}"), .importKey,
                "failed to create key"
            ),
            (HTTPRequest("DELETE", "/v1/key/delete/my-key"), .deleteKey, "failed to delete key"),
        ]

        static let halfDone: [Fault] = [.reset(.before), .refused, .garbage]

        @Test(arguments: Self.halfDone, ConnectionFaults.HTTPVersion.allCases)
        func whatChangesKeysIsNeverSentTwice(fault: Fault, version: ConnectionFaults.HTTPVersion) async throws {
            try await withKESAgent(servers: 2) { setup, _ in
                setup.speak(version)
            } body: { agent, cluster in
                for (request, endpoint, message) in Self.notRepeatable {
                    try expectService(by: agent)
                    for server in cluster.servers { server.faults.set(fault, on: [endpoint]) }
                    expect(try agent.ask(request), refuses: 502, message, "\(request.testDescription)")
                    #expect(cluster.servers.map { $0.requestCount(endpoint) }.reduce(0, +) == 1)
                    for server in cluster.servers { server.faults.clear() }
                }
            }
        }

        /// Where nothing was sent, nothing can have been done: these go on to the next server.
        @Test(arguments: ConnectionFaults.HTTPVersion.allCases)
        func whatChangesKeysFindsTheServerThatIsThere(version: ConnectionFaults.HTTPVersion) async throws {
            try await withKESAgent(servers: 3) { setup, _ in
                setup.speak(version)
            } body: { agent, cluster in
                await cluster.servers[0].goDown()
                cluster.servers[1].connectionFaults.handshake = .closes
                cluster.servers[1].resetConnections()
                for (request, endpoint, _) in Self.notRepeatable.dropFirst() {
                    let answer = try agent.ask(request)
                    #expect(answer.status == 200, "\(request.testDescription)")
                    #expect(cluster.servers.map { $0.requestCount(endpoint) } == [0, 0, 1])
                }
            }
        }

        /// A connection that the server has just closed must not cost a request that cannot be repeated.
        @Test(arguments: ConnectionFaults.HTTPVersion.allCases)
        func whatChangesKeysDoesNotDependOnConnectionsThatWereIdle(version: ConnectionFaults.HTTPVersion) async throws {
            try await withKESAgent { setup, _ in
                setup.speak(version)
            } body: { agent, cluster in
                let connection = try agent.connect()
                for number in 1...30 {
                    #expect(try connection.ask(.generate()).isDataKey)
                    if number.isMultiple(of: 2) {
                        cluster.server.drainConnections()
                    } else {
                        cluster.server.resetConnections()
                    }
                    #expect(try connection.ask(HTTPRequest("PUT", "/v1/key/create/key-\(number)")).status == 200)
                }
                #expect(cluster.server.requestCount(.createKey) == 30)
            }
        }
    }
}
