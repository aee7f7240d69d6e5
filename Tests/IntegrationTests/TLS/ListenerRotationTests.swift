// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization
import TestSupport
import Testing

/// The listener's certificate is replaced while clients ask, and none of them notices.
@Suite struct ListenerRotationTests {
    /// A hundred with all ways of replacing files.
    private static let pairCount = 100 / FileReplacement.allCases.count

    @Test(.timeLimit(.minutes(5)), arguments: FileReplacement.allCases)
    func everyPairIsTakenUnderLoad(way: FileReplacement) async throws {
        let files = try TLSFiles(way)
        let setup = AgentSetup(on: files)
        let agent = try TLSAgent(try AgentProcess(setup), trusting: files.authority.certificate)
        let isOver = Flag()
        async let first = Self.load(agent, .http11, as: files.client, until: isOver)
        async let second = Self.load(agent, .http2, as: files.client, until: isOver)
        try await onThread { () throws(TestFailure) in
            defer { isOver.raise() }
            for round in 1...Self.pairCount {
                let pair = try files.authority.issueServer(validity: .from(-60, to: 90 * 24 * 3600 + round))
                do {
                    try way.replace(TLSFiles.files(pair), in: files.folder)
                    try agent.agent.wait(for: "pair \(round)") {
                        try agent.agent.metrics.reloads("listener", "replaced") == round
                    }
                } catch {
                    throw .unusable("\(error)")
                }
            }
        }
        let reports = try await [first, second]
        #expect(reports.flatMap(\.failures).isEmpty, "\(way)")
        #expect(reports.allSatisfy { $0.answerCount > 20 })
        #expect(try agent.agent.metrics.reloads("listener", "refused") == 0)
    }

    /// Asks again and again, 20 times on each connection.
    private static func load(
        _ agent: TLSAgent, _ version: CurlCommand.HTTPVersion, as pair: TestKeyPair, until isOver: Flag
    ) async throws -> LoadReport {
        try await onThread { () throws(TestFailure) in
            let curl = try CurlCommand(version, trusting: agent.authority, as: pair)
            var report = LoadReport()
            while !isOver.isRaised {
                let outcome = try curl.run(
                    ["--data-binary", "@-", "\(agent.url)/v1/key/generate/my-key?[1-20]"], input: "{}")
                let count = outcome.answers.count { $0.isDataKey }
                report.answerCount += count
                if outcome.exitStatus != .exited(0) || count != 20 {
                    report.failures.append("\(count) of 20: \(outcome.error)")
                }
            }
            return report
        }
    }

    @Test func whatCannotBeUsedIsRefusedLoudlyAndOnce() throws {
        let files = try TLSFiles()
        try files.withAgent { agent in
            func refusals() throws -> Int {
                try agent.agent.log.split(separator: "\n").count { $0.contains("reload failed") }
            }
            let (one, other) = (try files.authority.issueServer(), try files.authority.issueServer())
            let bad: [(pair: [FileReplacement.File], reason: String)] = [
                ([("server.crt", one.certificate), ("server.key", other.key)], "the private key does not belong"),
                (TLSFiles.files(try files.authority.issueServer(validity: .expired)), "the certificate expired"),
            ]
            for (index, fault) in bad.enumerated() {
                try FileReplacement.renamedOver.replace(fault.pair, in: files.folder)
                try agent.agent.wait(for: "the refusal") {
                    try agent.agent.metrics.reloads("listener", "refused") == index + 1
                }
                #expect(try agent.agent.log.contains(fault.reason))
                #expect(try refusals() == index + 1)
                #expect(try agent.ask("/v1/key/generate/my-key", "{}", as: files.client).isDataKey)
            }
            try agent.agent.signal(SIGHUP)
            try agent.agent.wait(for: "another word") { try refusals() == 3 }

            try FileReplacement.renamedOver.replace(TLSFiles.files(other), in: files.folder)
            try agent.agent.wait(for: "the good pair") {
                try agent.agent.metrics.reloads("listener", "replaced") == 1
            }
            let expiry = "keyside_certificate_expiry_timestamp_seconds"
            #expect(
                try agent.agent.metrics.value(expiry, ["role": "listener"]) == Double(other.facts.validity.notAfter))
            #expect(try agent.ask("/v1/key/generate/my-key", "{}", as: files.client).isDataKey)
        }
    }
}

extension AgentSetup {
    fileprivate init(on files: TLSFiles) {
        self.init()
        self.arguments = files.arguments()
    }
}

private final class Flag: Sendable {
    private let value = Atomic(false)

    var isRaised: Bool { self.value.load(ordering: .relaxed) }

    func raise() { self.value.store(true, ordering: .relaxed) }
}
