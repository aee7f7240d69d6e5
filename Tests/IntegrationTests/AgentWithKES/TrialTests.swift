// SPDX-License-Identifier: Apache-2.0

import FakeKES
import KESProtocol
import KeyService
import TestSupport
import Testing

extension AgentWithKESTests {
    /// `keyside check --connect`: what fails at each server, and what to do about it.
    @Suite struct TrialTests {
        private static func check(
            _ environment: [String: String], _ arguments: [String] = []
        ) throws -> Keyside.Outcome {
            try Keyside.run(["check", "--connect"] + arguments, environment: environment)
        }

        /// Checks against a server that is not as it should be.
        private static func expect(
            _ environment: [String: String], fails words: [String], sourceLocation: SourceLocation = #_sourceLocation
        ) throws {
            let outcome = try Self.check(environment)
            #expect(outcome.status == .exited(69), sourceLocation: sourceLocation)
            let lines = outcome.output.split(separator: "\n").filter { $0.contains(": error: ") }
            #expect(lines.count == 1, "\(outcome.output)", sourceLocation: sourceLocation)
            for word in words {
                #expect(lines.first?.contains(word) == true, "\(lines)", sourceLocation: sourceLocation)
            }
            #expect(outcome.output.contains("the configuration is valid"), sourceLocation: sourceLocation)
        }

        @Test(arguments: Credentials.Proof.allCases)
        func everyServerThatWorksIsNamed(proof: Credentials.Proof) async throws {
            try await withCluster(of: 3) { cluster in
                let outcome = try Self.check(cluster.environment(proof))
                #expect(outcome.status == .exited(0), "\(outcome.output)")
                for server in cluster.servers {
                    #expect(outcome.output.contains("  \(server.endpoint): works, version "))
                }
                let client = cluster.credentials.identity(of: proof)
                #expect(outcome.output.contains("identity: \(client)"))
                #expect(outcome.output.contains("certificate: valid until 2"))
                #expect(!outcome.output.contains(cluster.credentials.apiKey.text.suffix(40)))
                #expect(cluster.servers.allSatisfy { $0.keys.names.count == 1 }, "nothing has changed there")
            }
        }

        @Test func oneServerOfSeveralThatFailsIsAFailure() async throws {
            try await withCluster(of: 2) { cluster in
                await cluster.servers[1].goDown()
                let outcome = try Self.check(cluster.environment(), ["--output", "json"])
                #expect(outcome.status == .exited(69))
                let json = try JSONValue(outcome.output)
                #expect(json["valid"].bool == true)
                #expect(json["identity"].string == cluster.credentials.apiKey.identity)
                let trials = json["connections"].elements
                #expect(trials.map { $0["endpoint"].string } == cluster.servers.map(\.endpoint))
                #expect(trials.map { $0["works"].bool } == [true, false])
                #expect((trials[0]["latency_ms"].integer ?? 0) > 0 && trials[0]["version"].string?.isEmpty == false)
                #expect(trials[1]["problem"].string?.contains("no connection") == true)
                #expect(trials[1]["remedy"].string?.contains("MINIO_KMS_KES_ENDPOINT") == true)
            }
        }

        @Test func aNameThatDoesNotResolve() async throws {
            try await withCluster { cluster in
                var environment = cluster.environment()
                environment["MINIO_KMS_KES_ENDPOINT"] = "https://nowhere.invalid:7373"
                try Self.expect(environment, fails: ["its name is not resolved", "MINIO_KMS_KES_ENDPOINT"])
            }
        }

        @Test func aPortWhereNobodyListens() async throws {
            try await withCluster { cluster in
                await cluster.server.goDown()
                try Self.expect(
                    cluster.environment(), fails: ["no connection: Connection refused", "start the server"])
            }
        }

        @Test(
            arguments: [
                (ConnectionFaults.Certificate.otherName, ["other.example"]),
                (.otherAuthority, ["MINIO_KMS_KES_CAPATH"]),
                (.expired, ["certificate has expired", "CN=server"]),
                (.notYetValid, ["certificate is not yet valid", "CN=server"]),
            ]
        )
        func aCertificateThatIsNotTrusted(certificate: ConnectionFaults.Certificate, words: [String]) async throws {
            try await withCluster {
                $0.connectionFaults.certificate = certificate
            } body: { cluster in
                try Self.expect(cluster.environment(), fails: ["its certificate (", ") is not trusted: "] + words)
            }
        }

        @Test func anAuthorityThatIsNotNamed() async throws {
            try await withCluster { cluster in
                var environment = cluster.environment()
                environment["MINIO_KMS_KES_CAPATH"] = nil
                try Self.expect(
                    environment,
                    fails: ["is not trusted", "issued by CN=Keyside test authority", "MINIO_KMS_KES_CAPATH"])
            }
        }

        @Test(arguments: [ConnectionFaults.Handshake.closes, .resets])
        func aHandshakeThatComesToNothing(handshake: ConnectionFaults.Handshake) async throws {
            try await withCluster {
                $0.connectionFaults.handshake = handshake
            } body: { cluster in
                try Self.expect(cluster.environment(), fails: [": error: "])
            }
        }

        @Test(arguments: ConnectionFaults.TLSVersion.allCases)
        func aServerThatDoesNotTakeTheClientsCertificate(version: ConnectionFaults.TLSVersion) async throws {
            try await withCluster {
                $0.connectionFaults.verifiesClients = true
                $0.connectionFaults.tlsVersions = [version]
            } body: { cluster in
                try Self.expect(
                    cluster.environment(.apiKey), fails: ["TLS failed", cluster.credentials.apiKey.identity])
                #expect(try Self.check(cluster.environment(.certificate)).status == .exited(0))
            }
        }

        @Test func aServerThatHangs() async throws {
            try await withCluster { cluster in
                var environment = cluster.environment()
                environment["KEYSIDE_UPSTREAM_TIMEOUT"] = "1s"
                environment["KEYSIDE_UPSTREAM_CONNECT_TIMEOUT"] = "500ms"
                cluster.server.faults.set(.hold)
                try Self.expect(environment, fails: ["no answer in time"])
                cluster.server.connectionFaults.handshake = .hangs
                try Self.expect(environment, fails: ["no connection in time"])
            }
        }

        @Test func anIdentityThatNoPolicyNames() async throws {
            try await withCluster { cluster in
                let identity = cluster.credentials.apiKey.identity
                cluster.server.access[identity] = nil
                try Self.expect(
                    cluster.environment(), fails: ["it knows no policy", "add \(identity) to the identities"])
            }
        }

        @Test(
            arguments: [
                (["/v1/key/decrypt/*", "/v1/status"], ["/v1/key/generate/my-key"]),
                (["/v1/key/generate/*", "/v1/status"], ["/v1/key/decrypt/my-key"]),
                (["/v1/status"], ["/v1/key/generate/my-key", "/v1/key/decrypt/my-key"]),
            ]
        )
        func anIdentityThatMayTooLittle(allowed: [String], missing: [String]) async throws {
            try await withCluster { cluster in
                let identity = cluster.credentials.apiKey.identity
                cluster.server.access[identity] = FakePolicy(allow: allowed)
                try Self.expect(
                    cluster.environment(),
                    fails: [
                        "does not allow to", "allow \(missing.joined(separator: " and ")) in the policy of \(identity)",
                    ])
            }
        }

        @Test func aKeyThatIsMissing() async throws {
            try await withCluster { cluster in
                cluster.server.keys.remove(try #require(KeyName("my-key")))
                try Self.expect(
                    cluster.environment(), fails: ["there is no key 'my-key'", "keyside key create my-key"])
            }
        }

        static let unusable: [(Fault, Set<Operation>, String)] = [
            (.body("<html>welcome</html>"), .all, "no KES server answers there"),
            (.missing(member: "plaintext"), [.generateKey], "no KES server answers there"),
            (.larger(byByteCount: 2 << 20), [.generateKey], "no KES server answers there"),
            (.larger(byByteCount: 2 << 20), [.version], "no KES server answers there"),
            (.status(500, message: "out of order"), [.generateKey], "generate is answered 500: out of order"),
            (.body("{\"plaintext\":\"\([UInt8](repeating: 7, count: 32).base64)\"}"), [.decrypt], "comes back"),
            (.reset(.inside), .all, "the connection broke"),
        ]

        @Test(arguments: Self.unusable)
        func answersThatAreNone(fault: Fault, endpoints: Set<Operation>, words: String) async throws {
            try await withCluster { cluster in
                cluster.server.faults.set(fault, on: endpoints)
                try Self.expect(cluster.environment(), fails: [words])
            }
        }

        @Test func aServerThatDoesNotReachItsKeyStore() async throws {
            try await withCluster { cluster in
                cluster.server.faults.set(
                    .body("{\"version\":\"v\",\"os\":\"linux\",\"keystore_unreachable\":true}"), on: [.status])
                try Self.expect(cluster.environment(), fails: ["does not reach its key store"])
            }
        }
    }
}

extension Set<Operation> {
    static let all = Set(Operation.allCases)
}
