// SPDX-License-Identifier: Apache-2.0

import CSystemd
import Glibc
import Linux

/// The service manager that started this process, as far as it wants to be told: sd_notify(3) over `NOTIFY_SOCKET`.
///
/// Without a service manager every call does nothing. No call waits: sd_notify(3) blocks while the manager's socket is
/// full, so a thread of its own sends. A status that does not fit into its queue is dropped.
package struct ServiceManager: Sendable {
    private let queue: OutputQueue?

    private static let limits = OutputQueue.Limits(messageCount: 64, byteCount: 1 << 18)
    private static let patience = Interval.seconds(1)

    package init() {
        guard unsafe getenv("NOTIFY_SOCKET") != nil else {
            self.queue = nil
            return
        }
        // Where no thread can be started, neither can those that serve, so the agent ends and tells why.
        self.queue = try? OutputQueue(threadName: "notify", limits: Self.limits) { unsafe sd_notify(0, $0) > 0 }
    }

    /// The service accepts requests.
    package func ready(status: String) { self.notify("READY=1\nSTATUS=\(status)") }

    /// The service looks at its configuration again, and says ``ready(status:)`` when it has.
    ///
    /// - Parameter microsecond: now, on CLOCK_MONOTONIC.
    package func reloading(at microsecond: Int) { self.notify("RELOADING=1\nMONOTONIC_USEC=\(microsecond)") }

    /// The service is on its way out.
    package func stopping(status: String) { self.notify("STOPPING=1\nSTATUS=\(status)") }

    /// One line for `systemctl status`.
    package func report(status: String) { self.notify("STATUS=\(status)", isImportant: false) }

    /// Waits until everything is sent, a second at most. Later calls do nothing.
    package func finish() { self.queue?.finish(within: Self.patience) }

    private func notify(_ assignments: String, isImportant: Bool = true) {
        self.queue?.submit(assignments, isImportant: isImportant)
    }
}
