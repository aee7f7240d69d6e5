// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// `keyside key …`
struct KeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key",
        abstract: "Use and administer keys through a running agent.",
        discussion: """
            Values and contexts are standard base64, both in and out; the message of 'hmac' is taken as it is. What an \
            operation needs of the backend it may not have: a static key cannot be created, described or deleted.
            """,
        subcommands: [
            GenerateKey.self, DecryptValue.self, EncryptValue.self, ComputeHMAC.self,
            CreateKey.self, ImportKey.self, DescribeKey.self, ListKeys.self, DeleteKey.self,
        ])
}
