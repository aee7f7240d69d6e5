// SPDX-License-Identifier: Apache-2.0

import Agent
import ArgumentParser

@main
struct Keyside: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keyside",
        abstract: "The local key agent for object-storage nodes.",
        discussion: """
            Serves data keys to the processes of this node on a Unix socket, over the KES API, and keeps them in \
            locked memory. The backend is the one that the object store is told of by its MINIO_KMS_* environment.

            Start with 'keyside check', then 'keyside run'.
            """,
        version: "keyside \(BuildInfo.version)",
        subcommands: [
            Run.self, Check.self, Status.self, KeyCommand.self, CacheCommand.self, IdentityCommand.self,
            TLSCommand.self, PolicyCommand.self, Bench.self, Version.self,
        ])
}
