// SPDX-License-Identifier: Apache-2.0

import CSystemd
import Glibc
import Linux

/// Notifies the service manager that started this process: sd_notify(3) over `NOTIFY_SOCKET`.
///
/// Without a service manager every call does nothing. No call blocks: a separate thread sends the messages, because
/// sd_notify(3) blocks while the manager's socket is full. A status that does not fit into the queue is dropped.
package struct ServiceManager: Sendable {
    private let queue: OutputQueue?

    private static let limits = OutputQueue.Limits(messageCount: 64, byteCount: 1 << 18)
    private static let patience = Interval.seconds(1)

    package init() {
        guard unsafe getenv("NOTIFY_SOCKET") != nil else {
            self.queue = nil
            return
        }
        // If no thread can be started here, the serving threads cannot start either; the agent then exits with that
        // error.
        self.queue = try? OutputQueue(threadName: "notify", limits: Self.limits) { unsafe sd_notify(0, $0) > 0 }
    }

    /// The service accepts requests.
    package func ready(status: String) { self.notify("READY=1\nSTATUS=\(status)") }

    /// The service reloads its configuration. ``ready(status:)`` must follow.
    ///
    /// - Parameter microsecond: the current time on CLOCK_MONOTONIC.
    package func reloading(at microsecond: Int) { self.notify("RELOADING=1\nMONOTONIC_USEC=\(microsecond)") }

    /// The service is stopping.
    package func stopping(status: String) { self.notify("STOPPING=1\nSTATUS=\(status)") }

    /// Sets the status line of `systemctl status`.
    package func report(status: String) { self.notify("STATUS=\(status)", isImportant: false) }

    /// Waits until everything is sent, at most one second. Later calls do nothing.
    package func finish() { self.queue?.finish(within: Self.patience) }

    private func notify(_ assignments: String, isImportant: Bool = true) {
        self.queue?.submit(assignments, isImportant: isImportant)
    }
}
