// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import Linux
import Logging

/// Logs each answered request at level `debug`.
struct RequestLog: Sendable {
    private let logger: Logger
    /// Read once per connection: asking the logger for its level costs as much as a system call.
    private let isOn: Bool

    init(_ logger: Logger) {
        self.logger = logger
        self.isOn = logger.logLevel <= .debug
    }

    @inline(__always)
    func requestEnded(_ record: RequestRecord) {
        if self.isOn, record.request != nil { self.write(record) }
    }

    private func write(_ record: RequestRecord) {
        self.logger.debug(
            "request answered",
            metadata: [
                "request": "\(record.id)", "status": "\(record.outcome.status.rawValue)",
                "us": "\(record.duration.nanoseconds / 1000)",
            ])
    }
}
