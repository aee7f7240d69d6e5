// SPDX-License-Identifier: Apache-2.0

import Glibc

/// CLOCK_BOOTTIME, which cannot be set and continues while the machine sleeps.
package enum BootClock {
    /// Nanoseconds since the machine started.
    package static func now() -> Int {
        var time = timespec()
        unsafe clock_gettime(CLOCK_BOOTTIME, &time)
        return time.tv_sec &* 1_000_000_000 &+ time.tv_nsec
    }
}
