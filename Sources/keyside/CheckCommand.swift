// SPDX-License-Identifier: Apache-2.0

import Agent
import ArgumentParser
import Linux
import LockedMemory
import Settings

/// `keyside check`
struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Validate the configuration and show it with its sources, without secrets.",
        discussion: """
            Reads the configuration of 'keyside run' and reports all errors together. Starts no agent. \
            Exits with 78 if the agent would not start, and with 69 if --connect finds that a key server fails its check.
            """)

    @OptionGroup var options: ConfigurationOptions
    @Flag(help: "Try every key server, from DNS lookup to data key.")
    var connect = false
    @Option(help: ArgumentHelp("Output format.", valueName: "format"))
    var output = OutputFormat.text

    func run() async throws {
        try await self.reportingFailures {
            let startup = try self.options.load(toleratingUnlockedMemory: true)
            let findings = try await self.examine(startup)
            let report = ConfigurationReport(startup.configuration, findings)
            switch self.output {
            case .text: try StandardStreams.writeOutput(report.text)
            case .json: try StandardStreams.writeOutput(report.json + "\n")
            }
            if !report.isValid { throw CommandFailure(.configuration) }
            if findings.hasFailedTrial { throw CommandFailure(.unavailable) }
        }
    }

    private func examine(_ startup: Startup) async throws -> BackendFindings {
        do throws(AgentFailure) {
            return try await startup.examine(connecting: self.connect)
        } catch {
            throw CommandFailure(error)
        }
    }
}
