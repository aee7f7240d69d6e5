// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// `keyside tls …`
struct TLSCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tls", abstract: "Prepare the listener for clients that speak TLS only.",
        subcommands: [InitTLS.self])
}
