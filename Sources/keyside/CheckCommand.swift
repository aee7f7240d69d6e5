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
            Reads what 'keyside run' would read, reports everything that is wrong with it at once, and starts nothing. \
            Exits with 78 if the agent would not start.
            """)

    @OptionGroup var options: ConfigurationOptions
    @Option(help: ArgumentHelp("How to write the result.", valueName: "format"))
    var output = OutputFormat.text

    func run() async throws {
        try await self.reportingFailures {
            let startup = try self.options.load(toleratingUnlockedMemory: true)
            let report = ConfigurationReport(startup.configuration)
            switch self.output {
            case .text: try StandardStreams.writeOutput(report.text)
            case .json: try StandardStreams.writeOutput(report.json + "\n")
            }
            if !startup.configuration.isValid { throw CommandFailure(.configuration) }
        }
    }
}
