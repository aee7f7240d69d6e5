// SPDX-License-Identifier: Apache-2.0

import Agent
import ArgumentParser
import Dispatch
import Glibc
import Linux

/// Runs a command and exits with its status.
///
/// Commands that need no task run on the main thread: tasks start threads, which need /proc.
@main
enum Program {
    static func main() {
        _ = LibraryEnvironment.removed
        do {
            var command = try Keyside.parseAsRoot(ProcessArguments.afterProgramName)
            guard let asynchronous = command as? any AsyncParsableCommand else { return try command.run() }
            try asynchronous.reportingFailures { try Self.checkProc() }
            Self.runInTask()
        } catch {
            exit(Self.report(error))
        }
    }

    /// Parses the arguments a second time, because a command cannot be sent to a task.
    private static func runInTask() -> Never {
        Task {
            do {
                let command = try Keyside.parseAsRoot(ProcessArguments.afterProgramName)
                if var command = command as? any AsyncParsableCommand { try await command.run() }
                exit(EXIT_SUCCESS)
            } catch {
                exit(Self.report(error))
            }
        }
        dispatchMain()
    }

    /// libdispatch's thread pool runs tasks. It reads the state of its threads from /proc, and crashes with SIGILL
    /// without it.
    private static func checkProc() throws {
        guard !ProcessStatistics.isAvailable else { return }
        throw CommandFailure(
            .configuration, "/proc is not mounted; the agent needs it. Run 'mount -t proc proc /proc'")
    }

    /// Prints help, a version or a usage error.
    ///
    /// - Returns: the exit status.
    private static func report(_ error: any Error) -> Int32 {
        let text = Keyside.fullMessage(for: error)
        let status = Keyside.exitCode(for: error).rawValue
        guard !text.isEmpty else { return status }
        guard status == EXIT_SUCCESS else {
            StandardStreams.writeError(text + "\n", within: .seconds(1))
            return status
        }
        do throws(SystemError) {
            try StandardStreams.writeOutput(text + "\n")
            return status
        } catch {
            StandardStreams.writeError("keyside: \(error)\n", within: .seconds(1))
            return ExitStatus.inputOutput.rawValue
        }
    }
}

struct Keyside: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keyside",
        abstract: "The local key agent for object-storage nodes.",
        discussion: """
            Serves data keys to the processes of this node on a Unix socket, over the KES API, and keeps them in \
            locked memory. The MINIO_KMS_* environment of the object store configures its backend.

            Start with 'keyside check', then 'keyside run'.
            """,
        version: "keyside \(BuildInfo.version)",
        subcommands: [
            Run.self, Check.self, Status.self, KeyCommand.self, CacheCommand.self, IdentityCommand.self,
            TLSCommand.self, PolicyCommand.self, Bench.self, Version.self,
        ])
}
