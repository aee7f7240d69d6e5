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

extension AsyncParsableCommand {
    /// Runs the body of a command, says what failed on standard error, and leaves with the status of the failure.
    func reportingFailures(_ body: () async throws -> Void) async throws {
        let failure: CommandFailure
        do {
            return try await body()
        } catch let error as CommandFailure {
            failure = error
        } catch let error as SystemError {
            failure = CommandFailure(.inputOutput, error.description)
        }
        if let message = failure.message { StandardStreams.writeError("keyside: \(message)\n") }
        throw ExitCode(failure.status.rawValue)
    }
}
