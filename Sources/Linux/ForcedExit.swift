// SPDX-License-Identifier: Apache-2.0

import Glibc

package enum ForcedExit {
    /// Ends the process with status 0 when `limit` has passed: _exit(2), whatever its other threads wait for.
    ///
    /// For a process that has been asked to stop and cleans up: a resolver or a file system that does not answer must not
    /// keep it. The kernel takes back all memory, that of secrets included.
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
