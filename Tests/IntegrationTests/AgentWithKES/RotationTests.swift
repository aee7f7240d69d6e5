// SPDX-License-Identifier: Apache-2.0

import FakeKES
import Glibc
import KESProtocol
import KeyService
import TestSupport
import Testing

extension AgentWithKESTests {
    /// Certificates are replaced while the agent works, and nobody notices but the servers.
    @Suite struct RotationTests {
        /// An agent with a certificate in files that are replaced in one of the ways.
        private struct Scene {
            let agent: AgentProcess
            let cluster: KESCluster
            let way: FileReplacement
            let folder: TemporaryDirectory

            var server: FakeKES { self.cluster.server }

            /// A pair that the server knows.
            func issue(key: String? = nil, validity: CertificateValidity = .current) throws -> TestKeyPair {
                let pair = try self.cluster.credentials.authority.issueClient(key: key, validity: validity)
                self.server.access[pair.identity] = .everything
                return pair
            }

            func replace(with pair: TestKeyPair) throws { try self.way.replace(pair.files, in: self.folder) }

            /// Waits until no connection but those with this certificate is open, and one is.
            func wait(for pair: TestKeyPair) async throws {
                try await self.server.wait(for: "connections with the certificate \(pair.facts.serial)") { snapshot in
                    let open = snapshot.openConnections
                    return !open.isEmpty && open.allSatisfy { $0.certificate?.serial == pair.facts.serial }
                }
            }

            /// What the agent has open, connections to the server left out.
            var descriptorCount: Int {
                get throws {
                    try self.agent.openDescriptorCount - self.server.snapshot.socketCount
                }
            }
        }

        private static func withScene(
            _ way: FileReplacement = .inPlace, _ version: ConnectionFaults.HTTPVersion = .http2,
            configure: (inout AgentSetup) -> Void = { _ in }, body: (Scene) async throws -> Void
        ) async throws {
            let folder = try TemporaryDirectory()
            try await withKESAgent {
                try way.prepare($1.credentials.client.files, in: folder)
                $0.environment = $1.environment(.certificate)
                $0.environment["MINIO_KMS_KES_CERT_FILE"] = folder("client.crt")
                $0.environment["MINIO_KMS_KES_KEY_FILE"] = folder("client.key")
                $0.speak(version)
                configure(&$0)
            } body: { agent, cluster in
                try await body(Scene(agent: agent, cluster: cluster, way: way, folder: folder))
            }
        }

        /// All ways at a time: most of it is waiting for the agent to see that files have settled.
        @Test(.timeLimit(.minutes(5)))
        func aHundredPairsInEachWayAreTakenUnderLoad() async throws {
            try await withThrowingTaskGroup { group in
                for (index, way) in FileReplacement.allCases.enumerated() {
                    let version = ConnectionFaults.HTTPVersion.allCases[index % 2]
                    group.addTask {
                        try await Self.withScene(way, version) { try await Self.rotate(100, in: $0) }
                    }
                }
                try await group.waitForAll()
            }
        }

        private static func rotate(_ count: Int, in scene: Scene) async throws {
            let comment: Comment = "\(scene.way.rawValue)"
            _ = try await underLoad(of: scene.agent, clientCount: 2) {
                try await scene.wait(for: scene.cluster.credentials.client)
            }
            let descriptorCount = try scene.descriptorCount

            scene.server.faults.set(.delay(.milliseconds(2)))
            var pair = scene.cluster.credentials.client
            let report = try await underLoad(of: scene.agent, clientCount: 2) {
                for round in 1...count {
                    // A renewed certificate keeps its key, or has a new one.
                    pair = try scene.issue(key: round.isMultiple(of: 3) ? pair.key : nil)
                    try scene.replace(with: pair)
                    try await scene.wait(for: pair)
                }
            }
            #expect(report.failures.isEmpty, comment)
            #expect(report.answerCount > count, comment)

            let metrics = try scene.agent.metrics
            #expect(metrics.reloads("upstream", "replaced") == count, comment)
            #expect(metrics.reloads("upstream", "refused") == 0, comment)
            #expect(
                metrics.value("keyside_certificate_expiry_timestamp_seconds", ["role": "upstream"])
                    == Double(pair.facts.validity.notAfter), comment)
            #expect(metrics.value("keyside_upstream_in_flight", ["endpoint": scene.server.endpoint]) == 0, comment)
            // Connections of clients that have gone are closed when the agent has seen it.
            try scene.agent.wait(for: "the descriptors of before: \(descriptorCount), not \(try scene.descriptorCount)")
            {
                try scene.descriptorCount <= descriptorCount
            }
        }

        @Test(arguments: ConnectionFaults.HTTPVersion.allCases)
        func aRequestInFlightEndsOnTheOldPair(version: ConnectionFaults.HTTPVersion) async throws {
            try await Self.withScene(.inPlace, version) { scene in
                let old = scene.cluster.credentials.client
                scene.server.faults.set(.hold, on: [.encrypt])
                let inFlight = try scene.agent.connect()
                try inFlight.send(.encrypt(plaintext: [1, 2, 3]))
                try await scene.server.wait(for: "the request") { $0.heldCount == 1 }

                let new = try scene.issue()
                try scene.replace(with: new)
                try scene.agent.wait(for: "the new pair") {
                    try scene.agent.metrics.reloads("upstream", "replaced") == 1
                }
                try expectService(by: scene.agent)
                let serials = scene.server.openConnections.compactMap { $0.certificate?.serial }
                #expect(Set(serials) == [old.facts.serial, new.facts.serial])

                scene.server.release()
                #expect(try inFlight.receiveAnswer().status == 200)
                try await scene.wait(for: new)
                #expect(scene.server.requestCount(.encrypt) == 1)
            }
        }

        @Test func aHangupTakesANewPairAndTellsOfABadOneEachTime() async throws {
            try await Self.withScene { scene in
                let pair = try scene.issue()
                try scene.replace(with: pair)
                try scene.agent.signal(SIGHUP)
                try scene.agent.wait(for: "the new pair") {
                    try scene.agent.metrics.reloads("upstream", "replaced") == 1
                }
                try expectService(by: scene.agent)
                try await scene.wait(for: pair)

                try overwrite(scene.folder("client.key"), with: try scene.issue().key)
                for count in 1...2 {
                    try scene.agent.signal(SIGHUP)
                    try scene.agent.wait(for: "the refusal") {
                        try scene.agent.metrics.reloads("upstream", "refused") == count
                    }
                }
                try expectService(by: scene.agent)
            }
        }

        struct BadPair: Sendable, CustomTestStringConvertible {
            let testDescription: String
            let reason: String
            let make: @Sendable (TestAuthority, TestKeyPair) throws -> [FileReplacement.File]

            init(
                _ name: String, _ reason: String,
                _ make: @escaping @Sendable (TestAuthority, TestKeyPair) throws -> [FileReplacement.File]
            ) {
                self.testDescription = name
                self.reason = reason
                self.make = make
            }
        }

        static let badPairs = [
            BadPair("key of another", "does not belong") {
                [("client.key", try $0.issueClient().key), ("client.crt", $1.certificate)]
            },
            BadPair("expired", "expired at") { authority, _ in try authority.issueClient(validity: .expired).files },
            BadPair("not yet valid", "not valid before") { authority, _ in
                try authority.issueClient(validity: .notYet).files
            },
            BadPair("no certificate", "certificate") { [("client.crt", "hello"), ("client.key", $1.key)] },
            BadPair("half a key", "client.key") {
                [("client.crt", $1.certificate), ("client.key", String($1.key.prefix(100)))]
            },
            BadPair("empty", "client.crt") { _, _ in [("client.crt", ""), ("client.key", "")] },
            BadPair("swapped", "swapped") { [("client.crt", $1.key), ("client.key", $1.certificate)] },
        ]

        /// Each has an agent, all at a time: what is told must have stayed so for a while.
        @Test func aBadPairIsRefusedWithOneLoudLineAndTheOldOneStays() async throws {
            try await withThrowingTaskGroup { group in
                for bad in Self.badPairs {
                    group.addTask { try await Self.withScene { try await Self.refuse(bad, in: $0) } }
                }
                try await group.waitForAll()
            }
        }

        private static func refuse(_ bad: BadPair, in scene: Scene) async throws {
            let comment: Comment = "\(bad.testDescription)"
            let old = scene.cluster.credentials.client
            try scene.way.replace(bad.make(scene.cluster.credentials.authority, old), in: scene.folder)
            try scene.agent.wait(for: "the refusal") { try scene.agent.metrics.reloads("upstream", "refused") == 1 }
            try expectService(by: scene.agent)
            try await scene.wait(for: old)

            let new = try scene.issue()
            try scene.replace(with: new)
            try scene.agent.wait(for: "the good pair") { try scene.agent.metrics.reloads("upstream", "replaced") == 1 }
            try expectService(by: scene.agent)
            try await scene.wait(for: new)
            let lines = try scene.agent.log.split(separator: "\n").filter { $0.contains("reload failed") }
            #expect(lines.count == 1, comment)
            #expect(lines.allSatisfy { $0.contains(" error ") && $0.contains(bad.reason) }, "\(lines)")
            #expect(try scene.agent.metrics.reloads("upstream", "refused") == 1, comment)
        }

        /// The old authority may go when the servers have certificates of the new one.
        @Test(arguments: FileReplacement.allCases)
        func authoritiesAreReplaced(way: FileReplacement) async throws {
            let folder = try TemporaryDirectory()
            try await withCluster { other in
                try await withKESAgent {
                    try way.prepare([("ca.crt", $1.credentials.authority.certificate)], in: folder)
                    $0.environment["MINIO_KMS_KES_CAPATH"] = folder("ca.crt")
                    $0.environment["MINIO_KMS_KES_ENDPOINT"]? += ",\(other.server.endpoint)"
                } body: { agent, cluster in
                    other.server.access[cluster.credentials.apiKey.identity] = .everything
                    try agent.wait(for: "the server of the other authority") {
                        try agent.metrics.isUp(other.server) == false
                    }
                    let status = try agent.ask(.get("/v1/status"))
                    #expect(status.text.contains("is not trusted"), "\(status.text)")

                    try way.replace([("ca.crt", other.credentials.authority.certificate)], in: folder)
                    try agent.wait(for: "the new authority") {
                        try agent.metrics.isUp(other.server) == true && agent.metrics.isUp(cluster.server) == false
                    }
                    try expectService(by: agent)
                    #expect(try agent.metrics.reloads("upstream_ca", "replaced") == 1)

                    try way.replace(
                        [("ca.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")], in: folder)
                    try agent.wait(for: "the refusal") { try agent.metrics.reloads("upstream_ca", "refused") == 1 }
                    try expectService(by: agent)
                    #expect(try agent.log.split(separator: "\n").count { $0.contains("reload failed") } == 1)
                }
            }
        }
    }
}
