// SPDX-License-Identifier: Apache-2.0

import Agent
import ArgumentParser
import ByteCoding
import Linux

/// `keyside version`
struct Version: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print version, commit and library versions.")

    @Option(help: ArgumentHelp("Output format.", valueName: "format"))
    var output = OutputFormat.text

    func run() throws {
        try self.reportingFailures {
            switch self.output {
            case .text:
                var lines = ["keyside \(BuildInfo.version)", "commit  \(BuildInfo.commit)"]
                lines += BuildInfo.libraries.map { "\($0.name)  \($0.version)" }
                try StandardStreams.writeOutput(lines.map { $0 + "\n" }.joined())
            case .json:
                try StandardStreams.writeJSON { json in
                    json.member("version", BuildInfo.version)
                    json.member("commit", BuildInfo.commit)
                    json.member("libraries") { json in
                        json.object { json in
                            for library in BuildInfo.libraries { json.member(library.name, library.version) }
                        }
                    }
                }
            }
        }
    }
}
