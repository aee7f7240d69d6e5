// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import Linux
import Logging

/// Tells of each answer, where the log is to have that much.
struct RequestLog: Sendable {
    private let logger: Logger
    /// Asked once: to find out that nothing is to be logged costs as much as a system call with every request.
    private let isOn: Bool

    init(_ logger: Logger) {
        self.logger = logger
        self.isOn = logger.logLevel <= .debug
    }

    @inline(__always)
    func answered(_ id: RequestID, _ status: ResponseStatus, after duration: Interval) {
        if self.isOn { self.tell(id, status, duration) }
    }

    private func tell(_ id: RequestID, _ status: ResponseStatus, _ duration: Interval) {
        self.logger.debug(
            "request answered",
            metadata: [
                "request": "\(id)", "status": "\(status.rawValue)", "us": "\(duration.nanoseconds / 1000)",
            ])
    }
}
