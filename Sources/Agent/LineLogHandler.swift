// SPDX-License-Identifier: Apache-2.0

import Linux
package import Logging

/// Makes a line of each event and queues it. One write(2) a line keeps the lines of threads apart.
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
