// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// `keyside identity …`
struct IdentityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "identity", abstract: "Make what KES knows a client by, and tell whom it knows.",
        subcommands: [NewIdentity.self, IdentityOf.self])
}
