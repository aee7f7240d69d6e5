// SPDX-License-Identifier: Apache-2.0

import Linux
package import Logging

/// Formats each event as one line and queues it. Each line is one write(2), so that lines of different threads do not
/// mix.
package struct LineLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]

    private let label: String
    private let format: LogFormat
    private let writer: LogWriter

    package init(label: String, format: LogFormat, level: Logger.Level, writer: LogWriter) {
        self.label = label
        self.writer = writer
        self.format = format
        self.logLevel = level
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    /// Formats and queues an event. Never blocks.
    package func log(event: LogEvent) {
        let line = self.format.line(
            level: event.level,
            message: event.message.description,
            metadata: self.metadata.merging(event.metadata ?? [:]) { $1 },
            label: self.label,
            time: WallClock.now().rfc3339)
        self.writer.submit(line, level: event.level)
    }
}
