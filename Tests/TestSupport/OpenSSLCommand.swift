// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The `openssl` program: what operators make their keys and certificates with.
package enum OpenSSLCommand {
    /// Runs it in a folder, where it finds and leaves its files.
    ///
    /// - Throws: `.unusable` with what it says when it fails.
    package static func run(_ arguments: String..., in folder: TemporaryDirectory) throws(TestFailure) {
        try Self.run(arguments, in: folder)
    }

    package static func run(_ arguments: [String], in folder: TemporaryDirectory) throws(TestFailure) {
        let files = try TemporaryDirectory()
        var launch = Launch("/usr/bin/openssl")
        launch.arguments = arguments
        launch.environment = Keyside.baseEnvironment
        launch.workingFolder = folder.path
        let streams = try StandardFiles(in: files)
        let process = try ChildProcess(launch, input: streams.input, output: streams.output, error: streams.error)
        guard try process.waitForExit() == .exited(0) else {
            throw .unusable("openssl \(arguments.joined(separator: " ")): \(try text(of: streams.errorPath))")
        }
    }
}
