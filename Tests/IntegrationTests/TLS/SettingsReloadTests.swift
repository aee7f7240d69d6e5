// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport
import Testing

/// SIGHUP has the agent obey what the settings' file says by now of who may ask for what, if all of the file is in order.
@Suite struct SettingsReloadTests {
    private static let generate = "/v1/key/generate/my-key"
    private let files: TLSFiles
    private let other: TestKeyPair

    init() throws {
        self.files = try TLSFiles()
        self.other = try self.files.authority.issueClient()
    }

    /// Writes the file anew, signals the agent, and waits until it says that it serves again.
    ///
    /// - Returns: what it said to the service manager, in order.
    @discardableResult
    private func reload(_ agent: TLSAgent, with settings: String) throws -> [String] {
        try self.files.folder.write(settings, to: "config.yaml")
        let notifications = agent.agent.notifications
        let count = notifications.assignments.count
        try agent.agent.signal(SIGHUP)
        try notifications.wait(for: "READY=1", after: count)
        return Array(notifications.assignments.dropFirst(count))
    }

    private func statuses(_ agent: TLSAgent) throws -> [Int] {
        try [self.files.client, self.other].map { try agent.ask(Self.generate, "{}", as: $0).status }
    }

    private var settingsForTheOther: String {
        """
        policy: {store: {deny: [/v1/*], identities: [\(self.files.client.identity)]}}
        admin: {identities: [\(self.other.identity)]}
        """
    }

    @Test func newRulesAreObeyed() throws {
        try self.files.withAgent { agent in
            #expect(try self.statuses(agent) == [200, 403])
            let said = try self.reload(agent, with: self.settingsForTheOther)
            #expect(try self.statuses(agent) == [403, 200])
            #expect(said.first == "RELOADING=1")
            let time = said[1].split(separator: "=")
            #expect(time.first == "MONOTONIC_USEC" && time.last.flatMap { Int($0) } ?? 0 > 0)
            #expect(try agent.agent.log.contains("policies reloaded administrators=1 policies=1"))
            #expect(try !agent.agent.log.contains("need a restart"))
        }
    }

    @Test(arguments: ["tls: {listen: nowhere}", "policy: {store: {alow: []}}", "policy: ["])
    func aFileWithAnyFaultChangesNothing(fault: String) throws {
        try self.files.withAgent { agent in
            let rest = fault.hasPrefix("policy") ? "" : self.settingsForTheOther + "\n"
            try self.reload(agent, with: rest + fault + "\n")
            #expect(try self.statuses(agent) == [200, 403])
            let log = try agent.agent.log
            #expect(
                log.contains("reload failed; keeping the current configuration reason=\"\(files.config):"),
                "\(log)")
            try agent.agent.notifications.waitForStatus {
                $0.contains("reload failed; keeping the current configuration")
            }

            try self.reload(agent, with: self.settingsForTheOther)
            #expect(try self.statuses(agent) == [403, 200])
            try agent.agent.notifications.waitForStatus { !$0.contains("reload failed") }
        }
    }

    @Test func whatNeedsARestartIsNamedInOneLine() throws {
        try self.files.withAgent { agent in
            let settings = self.settingsForTheOther + "\ncache: {max_entries: 7}\nlimits: {connections: 9}\n"
            try self.reload(agent, with: settings)
            #expect(try self.statuses(agent) == [403, 200], "the rest is obeyed")
            let lines = try agent.agent.log.split(separator: "\n").filter { $0.contains("restart") }
            #expect(lines.count == 1 && lines[0].hasSuffix("settings=cache.max_entries,limits.connections"), "\(lines)")
        }
    }

    @Test func anAgentWithoutTLSIsToldTheSame() throws {
        try withAgent { agent in
            try agent.signal(SIGHUP)
            try agent.notifications.wait(for: "READY=1", after: agent.notifications.assignments.count)
            #expect(agent.notifications.assignments.contains("RELOADING=1"))
            #expect(try agent.log.contains("policies unchanged"))
        }
    }
}
