// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A time limit for stopping the process.
package enum ForcedExit {
    /// Ends the process with status 0 after `limit`: _exit(2), regardless of what its other threads wait for.
    ///
    /// For a process that is stopping: an unresponsive resolver or file system must not delay it. The kernel releases
    /// all memory, including that of secrets.
    package static func schedule(after limit: Interval) {
        let thread = try? DedicatedThread(name: "forced-exit") {
            let deadline = Instant.now() + limit
            while case let left = deadline - .now(), left > .zero {
                var time = timespec(
                    tv_sec: left.nanoseconds / 1_000_000_000, tv_nsec: left.nanoseconds % 1_000_000_000)
                unsafe nanosleep(&time, nil)
            }
            _exit(0)
        }
        thread?.detach()
    }
}
