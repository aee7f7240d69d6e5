// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// Agents that will not start, and what they say to whoever has to mend it.
@Suite struct BackendRefusalTests {
    @Test func aBackendThatIsNotBuiltYetIsValidButDoesNotRun() throws {
        let environment = [
            "MINIO_KMS_SERVER": "kms", "MINIO_KMS_ENCLAVE": "e", "MINIO_KMS_SSE_KEY": "k",
            "MINIO_KMS_API_KEY": "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ]
        #expect(try Keyside.run(["check"], environment: environment).status == .exited(0))
        let folder = try TemporaryDirectory()
        let outcome = try Keyside.run(["run", "--socket", folder("s")], environment: environment)
        #expect(outcome.status == .exited(78))
        #expect(outcome.error.contains("this version has no MinIO KMS backend"))
        #expect(FileStatus(folder("s")) == nil)
    }

    @Suite(.enabled(if: Account.isRoot, "needs root to become somebody who may lock no memory"))
    struct WithoutLockedMemory {
        private let environment = ["MINIO_KMS_SECRET_KEY": AgentSetup.knownKey]

        @Test func theAgentRefusesAndNamesTheLimit() throws {
            let folder = try TemporaryDirectory()
            let outcome = try Keyside.run(["run", "--socket", folder("s")], environment: self.environment) {
                $0.account = .nobody
                $0.lockedMemoryMax = 0
            }
            #expect(outcome.status == .exited(78))
            for hint in ["RLIMIT_MEMLOCK", "LimitMEMLOCK=", "memory.allow_unlocked"] {
                #expect(outcome.error.contains(hint))
            }
        }

        @Test func theOperatorMayInsistAndIsRemindedOfIt() throws {
            try withAgent {
                $0.environment["KEYSIDE_MEMORY_ALLOW_UNLOCKED"] = "true"
                $0.account = .nobody
                $0.lockedMemoryMax = 0
            } body: { agent in
                try expectService(by: agent)
                let memory = try agent.ask(.get("/v1/status")).json["keyside"]["memory"]
                #expect(memory["kind"].string == "unlocked")
                let log = try agent.log
                #expect(log.split(separator: "\n").contains { $0.contains("warning") && $0.contains("not locked") })
            }
        }

        @Test("check refuses what run refuses, and says so for memory, too", arguments: [false, true])
        func check(allowsUnlocked: Bool) throws {
            var environment = self.environment
            if allowsUnlocked { environment["KEYSIDE_MEMORY_ALLOW_UNLOCKED"] = "true" }
            let outcome = try Keyside.run(["check"], environment: environment) {
                $0.account = .nobody
                $0.lockedMemoryMax = 0
            }
            #expect(outcome.status == .exited(allowsUnlocked ? 0 : 78))
            #expect(outcome.output.contains("RLIMIT_MEMLOCK is 0 KiB") == !allowsUnlocked, "\(outcome.output)")
        }

        /// Permission that is not needed changes nothing.
        @Test func withThePermissionMemoryIsLockedWhereItCanBe() throws {
            try withAgent {
                $0.environment["KEYSIDE_MEMORY_ALLOW_UNLOCKED"] = "true"
            } body: { agent in
                let kind = try agent.ask(.get("/v1/status")).json["keyside"]["memory"]["kind"].string
                #expect(["memfd_secret", "mlock2"].contains(kind))
            }
        }

        @Test func aMemoryLimitAsDebianSetsItIsEnough() throws {
            try withAgent {
                $0.account = .nobody
                $0.lockedMemoryMax = 8 << 20
            } body: { agent in
                try expectService(by: agent)
            }
        }
    }
}
