// SPDX-License-Identifier: Apache-2.0

import CLinux

/// Lets queued output be written before a crash ends the process.
package enum CrashDelay {
    /// Has a fatal signal wait up to a second for the messages of every ``OutputQueue``.
    ///
    /// A signal that has a handler already, as that of Swift's backtracer, keeps it.
    package static func install() { keyside_delay_crash() }

    /// Callable from any thread.
    static func count(unwritten change: CInt) { keyside_count_unwritten(change) }
}
