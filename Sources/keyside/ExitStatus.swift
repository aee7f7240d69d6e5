// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Linux

/// Exit statuses, with the numbers of sysexits(3). A contract with scripts.
enum ExitStatus: Int32 {
    case failed = 1
    case unavailable = 69
    case inputOutput = 74
    case notPermitted = 77
    case configuration = 78
}

/// Ends a command with an exit status.
struct CommandFailure: Error {
    let status: ExitStatus
    /// What is wrong and what to do. Nil if it has been printed already.
    let message: String?

    init(_ status: ExitStatus, _ message: String? = nil) {
        self.status = status
        self.message = message
    }
}

extension ParsableCommand {
    /// Runs the body of a command. On failure, prints the reason to standard error and exits with its status.
    func reportingFailures(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch {
            throw CommandFailure.report(error)
        }
    }
}

extension AsyncParsableCommand {
    /// As the synchronous variant, for an `async` body.
    func reportingFailures(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch {
            throw CommandFailure.report(error)
        }
    }
}

extension CommandFailure {
    /// Prints the reason to standard error.
    ///
    /// - Returns: the exit status, or the error itself if it does not come from this program.
    fileprivate static func report(_ error: any Error) -> any Error {
        let failure: CommandFailure
        switch error {
        case let error as CommandFailure: failure = error
        case let error as SystemError: failure = CommandFailure(.inputOutput, error.description)
        case _: return error
        }
        if let message = failure.message { StandardStreams.writeError("keyside: \(message)\n", within: .seconds(1)) }
        return ExitCode(failure.status.rawValue)
    }
}
