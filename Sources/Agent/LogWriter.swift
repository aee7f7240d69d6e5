// SPDX-License-Identifier: Apache-2.0

package import Linux
import Logging
package import Telemetry

/// Writes log lines to standard error on one thread, through a bounded queue.
///
/// If standard error is a pipe that is not read, lines are dropped and counted. Logging never blocks.
package final class LogWriter: Sendable {
    private let queue: OutputQueue

    /// One or two seconds of output at the levels `trace` and `debug`.
    private static let limits = OutputQueue.Limits(messageCount: 8192, byteCount: 1 << 20)
    /// How long the exit of the process waits for the last lines.
    private static let patience = Interval.seconds(1)

    /// - Parameters:
    ///   - format: of the line that reports dropped lines.
    ///   - write: writes one line and returns whether that succeeded. May block.
    /// - Throws: ``SystemError`` if no descriptor or thread is available.
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

    /// Queues a line. The last quarter of the queue is reserved for warnings and errors.
    func submit(_ line: String, level: Logger.Level) { self.queue.submit(line, isImportant: level >= .warning) }

    /// Queues the reason why the process exits. Not formatted.
    package func submitReason(_ text: String) { self.queue.submit(text, isImportant: true) }

    /// Waits until every line is written, at most one second. Later lines are dropped.
    package func finish() { self.queue.finish(within: Self.patience) }
}

extension LogWriter: MetricsSource {
    package func writeMetrics(to text: inout MetricsText) {
        text.family(
            "keyside_log_dropped_total", .counter, "Log lines dropped because standard error was not read.",
            Double(self.droppedCount))
    }
}
