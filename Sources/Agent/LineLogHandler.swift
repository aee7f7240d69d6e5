// SPDX-License-Identifier: Apache-2.0

import Linux
package import Logging

/// Writes each event to standard error as one line, with one write(2), so that lines of threads never mix.
package struct LineLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]

    private let label: String
    private let format: LogFormat

    package init(label: String, format: LogFormat, level: Logger.Level) {
        self.label = label
        self.format = format
        self.logLevel = level
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let line = self.format.line(
            level: event.level,
            message: event.message.description,
            metadata: self.metadata.merging(event.metadata ?? [:]) { $1 },
            label: self.label,
            time: WallClock.now().rfc3339)
        StandardStreams.writeError(line)
    }
}
