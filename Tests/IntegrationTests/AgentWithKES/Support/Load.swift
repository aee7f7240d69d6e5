// SPDX-License-Identifier: Apache-2.0

import Synchronization
import TestSupport

/// What clients lived through.
struct LoadReport: Sendable {
    var answerCount = 0
    /// What should have been a data key or its plaintext, and was not.
    var failures: [String] = []

    static func += (left: inout LoadReport, right: LoadReport) {
        left.answerCount += right.answerCount
        left.failures += right.failures
    }
}

/// Has clients make data keys and open them, one call after the other, while `body` runs.
///
/// - Precondition: the task may block.
func underLoad(
    of agent: AgentProcess, clientCount: Int = 3, while body: () async throws -> Void
) async throws -> LoadReport {
    let isOver = Flag()
    return try await withThrowingTaskGroup { group in
        for _ in 0..<clientCount { group.addTask { LoadClient(agent: agent).run(until: isOver) } }
        do {
            defer { isOver.raise() }
            try await body()
        }
        return try await group.reduce(into: LoadReport()) { $0 += $1 }
    }
}

private final class Flag: Sendable {
    private let value = Atomic(false)

    var isRaised: Bool { self.value.load(ordering: .relaxed) }

    func raise() { self.value.store(true, ordering: .relaxed) }
}

private struct LoadClient {
    /// More need not be told.
    private static let failureCountMax = 10

    let agent: AgentProcess

    func run(until isOver: Flag) -> LoadReport {
        var report = LoadReport()
        while !isOver.isRaised {
            do {
                // Neither the agent nor its servers are to live from one client's connection.
                let connection = try self.agent.connect()
                for _ in 0..<50 where !isOver.isRaised {
                    try Self.makeAndOpen(on: connection)
                    report.answerCount += 2
                }
            } catch {
                if report.failures.count < Self.failureCountMax { report.failures.append("\(error)") }
            }
        }
        return report
    }

    private static func makeAndOpen(on connection: RawConnection) throws {
        let made = try connection.ask(.generate())
        guard made.isDataKey, let ciphertext = made.bytes("ciphertext") else {
            throw TestFailure.malformed("generate: \(made.status) \(made.text)")
        }
        let opened = try connection.ask(.decrypt(ciphertext: ciphertext))
        guard opened.status == 200, opened.bytes("plaintext") == made.bytes("plaintext") else {
            throw TestFailure.malformed("decrypt: \(opened.status) \(opened.text)")
        }
    }
}
