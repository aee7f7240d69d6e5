// SPDX-License-Identifier: Apache-2.0

import CSystemd

/// The service manager that started this process, as far as it wants to be told: sd_notify(3) over `NOTIFY_SOCKET`.
///
/// Without a service manager every call does nothing.
package struct ServiceManager: Sendable {
    package init() {}

    /// The service accepts requests.
    package func ready(status: String) { self.notify("READY=1\nSTATUS=\(status)") }

    /// The service looks at its configuration again, and says ``ready(status:)`` when it has.
    ///
    /// - Parameter microsecond: now, on CLOCK_MONOTONIC.
    package func reloading(at microsecond: Int) { self.notify("RELOADING=1\nMONOTONIC_USEC=\(microsecond)") }

    /// The service is on its way out.
    package func stopping(status: String) { self.notify("STOPPING=1\nSTATUS=\(status)") }

    /// One line for `systemctl status`.
    package func report(status: String) { self.notify("STATUS=\(status)") }

    /// A manager that has gone deaf must not stop the service, so a failure is dropped here.
    private func notify(_ assignments: String) {
        _ = unsafe sd_notify(0, assignments)
    }
}
