// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// `keyside identity …`
struct IdentityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "identity", abstract: "Create API keys and client certificates, and print their KES identity.",
        subcommands: [NewIdentity.self, IdentityOf.self])
}
