// SPDX-License-Identifier: Apache-2.0

import CLinux

/// Lets queued output be written before a crash ends the process.
package enum CrashDelay {
    /// Makes fatal signals wait up to one second for the messages of every ``OutputQueue``.
    ///
    /// A signal that already has a handler, such as that of Swift's backtracer, keeps it.
    package static func install() { keyside_delay_crash() }

    /// Thread-safe.
    static func count(unwritten change: CInt) { keyside_count_unwritten(change) }
}
