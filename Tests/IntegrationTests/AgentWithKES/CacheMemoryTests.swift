// SPDX-License-Identifier: Apache-2.0

import FakeKES
import KESProtocol
import TestSupport
import Testing

extension AgentWithKESTests {
    /// How much there is room for, and what the operator is told where there is not.
    @Suite struct CacheMemoryTests {
        private static let megabyte = 1 << 20

        /// As a service's account on Debian.
        private static func setup(_ cluster: KESCluster, lacksMemfdSecret: Bool, lockedMemoryMax: Int) -> AgentSetup {
            var setup = AgentSetup()
            setup.environment = cluster.environment()
            setup.account = .nobody
            setup.lacksMemfdSecret = lacksMemfdSecret
            setup.lockedMemoryMax = lockedMemoryMax
            return setup
        }

        @Test(.enabled(if: Account.isRoot, "needs root to become nobody"), arguments: [false, true])
        func eightMegabytesAreEnoughForTheDefaults(lacksMemfdSecret: Bool) async throws {
            try await withCluster { cluster in
                let setup = Self.setup(
                    cluster, lacksMemfdSecret: lacksMemfdSecret, lockedMemoryMax: 8 * Self.megabyte)
                let agent = try AgentProcess(setup)
                defer { agent.process.kill() }
                for key in try agent.makeDataKeys(500) { try expect(agent.ask(key.decrypt), opens: key, from: "hit") }
            }
        }

        @Test(.enabled(if: Account.isRoot, "needs root to become nobody"), arguments: [false, true])
        func whatIsTooMuchIsRefusedWithTheLimitThatWillDo(lacksMemfdSecret: Bool) async throws {
            try await withCluster { cluster in
                var setup = Self.setup(
                    cluster, lacksMemfdSecret: lacksMemfdSecret, lockedMemoryMax: 4 * Self.megabyte)
                setup.lockedMemoryMax = try Self.limit(thatWouldDoFor: setup, entries: 65_536)
                let agent = try AgentProcess(setup)
                defer { agent.process.kill() }
                let keys = try agent.makeDataKeys(500)
                for key in keys { try expect(agent.ask(key.decrypt), opens: key, from: "hit") }

                // Not every container lets root raise a limit so far: that it is named must do.
                setup.lockedMemoryMax = 8 * Self.megabyte
                setup.environment["KEYSIDE_CACHE_MAX_ENTRIES"] = "1000000"
                let limit = try Self.limit(thatWouldDoFor: setup, entries: 1_000_000)
                #expect((40_000_000...48_000_000).contains(limit))
            }
        }

        /// Starts an agent that cannot start.
        private static func limit(thatWouldDoFor setup: AgentSetup, entries: Int) throws -> Int {
            let agent = try AgentProcess(starting: setup)
            #expect(try !agent.becomesReady())
            #expect(try agent.waitForExit() == .exited(78))
            let log = try agent.log
            #expect(log.contains("cache.max_entries \(entries)"), "\(log)")
            return try #require(log.firstMatch(of: /LimitMEMLOCK=(\d+)/).flatMap { Int($0.1) }, "\(log)")
        }

        /// Prints what it takes, for those who want to know.
        @Test(.timeLimit(.minutes(5)), arguments: [false, true])
        func aMillionEntriesWork(lacksMemfdSecret: Bool) async throws {
            try await withCluster { cluster in
                var setup = AgentSetup()
                setup.environment = cluster.environment()
                setup.environment["KEYSIDE_CACHE_MAX_ENTRIES"] = "1000000"
                setup.lacksMemfdSecret = lacksMemfdSecret
                let clock = ContinuousClock()
                let begin = clock.now
                let agent = try AgentProcess(setup)
                defer { agent.process.kill() }
                let start = clock.now - begin

                let keys = try agent.makeDataKeys(30_000)
                let connection = try agent.connect()
                for key in keys { try expect(connection.ask(key.decrypt), opens: key, from: "hit") }
                let resident = try #require(agent.metrics.value("process_resident_memory_bytes"))
                let purgeBegin = clock.now
                let purged = try agent.purgeCache()
                let purge = clock.now - purgeBegin
                #expect(purged == keys.count)
                print("a million entries: start \(start), purge of \(keys.count) \(purge), resident \(resident) bytes")
                #expect(try agent.cache["entries"].integer == 0)
                for key in keys.prefix(10) { try expect(connection.ask(key.decrypt), opens: key, from: "miss") }
            }
        }

        @Test(
            arguments: [
                ("ANY", "-5s", "cache.expiry.any"), ("ANY", "8761h", "cache.expiry.any"),
                ("ANY", "99999999999999999999h", "cache.expiry.any"), ("UNUSED", "-1ms", "cache.expiry.unused"),
                ("UNUSED", "1 m", "cache.expiry.unused"), ("OFFLINE", "forever", "cache.expiry.offline"),
            ]
        )
        func aDurationThatIsNoneIsNamed(variable: String, value: String, setting: String) throws {
            var environment = ["MINIO_KMS_SECRET_KEY": AgentSetup.knownKey]
            environment["KEYSIDE_CACHE_EXPIRY_\(variable)"] = value
            try Self.expectRefusal(of: environment, saying: "'\(setting)' cannot be '\(value)'", "such as")
        }

        @Test(arguments: ["0", "-1", "100000001", "many"])
        func aNumberThatIsNoneIsNamed(value: String) throws {
            try Self.expectRefusal(
                of: ["MINIO_KMS_SECRET_KEY": AgentSetup.knownKey, "KEYSIDE_CACHE_MAX_ENTRIES": value],
                saying: "'cache.max_entries' cannot be '\(value)'")
        }

        @Test func anExtensionOfNothingIsRefused() throws {
            try Self.expectRefusal(
                of: [
                    "MINIO_KMS_SECRET_KEY": AgentSetup.knownKey, "KEYSIDE_CACHE_EXPIRY_ANY": "0",
                    "KEYSIDE_CACHE_EXPIRY_OFFLINE": "1h",
                ],
                saying: "error   KEYSIDE_CACHE_EXPIRY_OFFLINE: ", "cache.expiry.any")
        }

        private static func expectRefusal(of environment: [String: String], saying words: String...) throws {
            let folder = try TemporaryDirectory()
            let outcome = try Keyside.run(["run", "--socket", folder("socket")], environment: environment)
            #expect(outcome.status == .exited(78))
            for word in words { #expect(outcome.error.contains(word), "\(outcome.error)") }
            #expect(FileStatus(folder("socket")) == nil)
        }
    }
}
