// SPDX-License-Identifier: Apache-2.0

package import Linux
import Logging
package import Telemetry

/// Writes log lines to standard error from one thread, through a bounded queue.
///
/// Standard error may be a pipe that is not read. Then lines are dropped and counted, and logging never blocks.
package final class LogWriter: Sendable {
    private let queue: OutputQueue

    /// A burst of a second or two at the levels `trace` and `debug`.
    private static let limits = OutputQueue.Limits(messageCount: 8192, byteCount: 1 << 20)
    /// How long the end of the process waits for a reader.
    private static let patience = Interval.seconds(1)

    /// - Parameters:
    ///   - format: that of the line which reports dropped lines.
    ///   - write: writes one line, and says whether that succeeded. It may block.
    /// - Throws: ``SystemError`` when there are too few descriptors or threads.
    package init(
        format: LogFormat, write: @escaping @Sendable (String) -> Bool = { StandardStreams.writeError($0) }
    ) throws(SystemError) {
        self.queue = try OutputQueue(
            threadName: "log-writer", limits: Self.limits,
            reportOfDropped: { count in
                format.line(
                    level: .warning, message: "log lines dropped", metadata: ["count": "\(count)"], label: "keyside",
                    time: WallClock.now().rfc3339)
            },
            write: write)
    }

    /// Lines that did not fit or could not be written.
    package var droppedCount: Int { self.queue.droppedCount }

    /// Queues a line. Warnings and errors still fit when lesser lines no longer do.
    func submit(_ line: String, level: Logger.Level) { self.queue.submit(line, isImportant: level >= .warning) }

    /// Queues why the process ends, as a line of its own form.
    package func submitReason(_ text: String) { self.queue.submit(text, isImportant: true) }

    /// Waits until every line is written, a second at most. Later lines are dropped.
    package func finish() { self.queue.finish(within: Self.patience) }
}

extension LogWriter: MetricsSource {
    package func writeMetrics(to text: inout MetricsText) {
        text.family(
            "keyside_log_dropped_total", .counter, "Log lines dropped because standard error was not read.",
            Double(self.droppedCount))
    }
}
