// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// `keyside policy …`
struct PolicyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "Examine the policies of the TLS listener.", subcommands: [TestPolicy.self])
}
