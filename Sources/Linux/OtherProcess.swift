// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What the kernel reveals about another process.
package struct OtherProcess: Sendable {
    package let id: Int

    package init(id: Int) { self.id = id }

    /// Processor time of all its threads, including ended ones, with nanosecond resolution: clock_getcpuclockid(3).
    /// /proc/PID/stat counts ticks of 10 ms. Nil if there is no such process.
    package var processorTime: Interval? {
        var clock = clockid_t()
        var time = timespec()
        guard unsafe clock_getcpuclockid(pid_t(truncatingIfNeeded: self.id), &clock) == 0,
            unsafe clock_gettime(clock, &time) == 0
        else { return nil }
        return .nanoseconds(time.tv_sec * 1_000_000_000 + time.tv_nsec)
    }

    /// Resident memory: /proc/PID/statm. Nil if that cannot be read.
    package var residentByteCount: Int? {
        let pages = ProcessStatistics.read("/proc/\(self.id)/statm").split(separator: " ").compactMap { Int($0) }
        return pages.count > 1 ? pages[1] * sysconf(CInt(_SC_PAGESIZE)) : nil
    }
}
