// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A civil time: CLOCK_REALTIME.
package struct WallClock: Sendable {
    /// Seconds since 1970-01-01T00:00:00Z.
    package let seconds: Int
    package let nanoseconds: Int

    package init(seconds: Int, nanoseconds: Int) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    /// The current time, with the kernel's full resolution.
    package static func now() -> WallClock {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return WallClock(seconds: time.tv_sec, nanoseconds: time.tv_nsec)
    }

    /// The second only, from CLOCK_REALTIME_COARSE: a few nanoseconds to read.
    package static func currentSecond() -> Int {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME_COARSE, &time)
        return time.tv_sec
    }

    /// `2026-01-02T03:04:05.678Z`
    package var rfc3339: String {
        var time = self.seconds
        var parts = unsafe tm()
        var text = [CChar](repeating: 0, count: 32)
        let milliseconds = String(1000 + self.nanoseconds / 1_000_000).dropFirst()
        guard unsafe gmtime_r(&time, &parts) != nil,
            case let count = unsafe strftime(&text, text.count, "%Y-%m-%dT%H:%M:%S", &parts), count > 0
        else { return "" }
        return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self) + ".\(milliseconds)Z"
    }
}
