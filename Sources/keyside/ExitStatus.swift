// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Linux

/// What a command says to the script that called it. The numbers are sysexits(3)'s and a contract.
enum ExitStatus: Int32 {
    case failed = 1
    case unavailable = 69
    case inputOutput = 74
    case notPermitted = 77
    case configuration = 78
}

/// A command that ends without having done what it was asked for.
struct CommandFailure: Error {
    let status: ExitStatus
    /// What is wrong and what to do; nil when that has been said.
    let message: String?

    init(_ status: ExitStatus, _ message: String? = nil) {
        self.status = status
        self.message = message
    }
}

extension ParsableCommand {
    /// Runs the body of a command, says what failed on standard error, and leaves with the status of the failure.
    func reportingFailures(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch {
            throw CommandFailure.report(error)
        }
    }
}

extension AsyncParsableCommand {
    /// As the other one, for a body that waits.
    func reportingFailures(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch {
            throw CommandFailure.report(error)
        }
    }
}

extension CommandFailure {
    /// Says what failed on standard error.
    ///
    /// - Returns: the status to leave with, or the error itself if it is none of ours.
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
