// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A time on CLOCK_MONOTONIC, in one word. Every request reads the clock and moves deadlines, for which
/// `ContinuousClock` with its 128 bits is slow.
package struct Instant: Comparable, Sendable {
    /// Since an arbitrary time before the process started.
    package let nanoseconds: Int

    package init(nanoseconds: Int) { self.nanoseconds = nanoseconds }

    package static let distantFuture = Instant(nanoseconds: .max)
    package static let distantPast = Instant(nanoseconds: 0)

    /// The current time. A few tens of nanoseconds, without a system call.
    package static func now() -> Instant {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(nanoseconds: time.tv_sec &* 1_000_000_000 &+ time.tv_nsec)
    }

    package static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }

    package static func + (left: Instant, right: Interval) -> Instant {
        Instant(nanoseconds: left.nanoseconds + right.nanoseconds)
    }

    package static func - (left: Instant, right: Interval) -> Instant {
        Instant(nanoseconds: left.nanoseconds - right.nanoseconds)
    }

    package static func - (left: Instant, right: Instant) -> Interval {
        .nanoseconds(left.nanoseconds - right.nanoseconds)
    }
}

/// An interval between two ``Instant``s, in one word.
package struct Interval: Comparable, Sendable {
    package let nanoseconds: Int

    package static let zero = Interval.nanoseconds(0)

    package static func nanoseconds(_ count: Int) -> Interval { Interval(nanoseconds: count) }
    package static func milliseconds(_ count: Int) -> Interval { Interval(nanoseconds: count * 1_000_000) }
    package static func seconds(_ count: Int) -> Interval { Interval(nanoseconds: count * 1_000_000_000) }
    package static func minutes(_ count: Int) -> Interval { .seconds(count * 60) }
    package static func hours(_ count: Int) -> Interval { .minutes(count * 60) }

    package static func < (left: Interval, right: Interval) -> Bool { left.nanoseconds < right.nanoseconds }
}

extension Interval {
    /// Longer than a process lives, and short enough to add to any instant without overflow.
    private static let longest = Duration.seconds(100 * 365 * 86_400)

    /// Clamped to 100 years.
    package init(_ duration: Duration) {
        self.init(nanoseconds: min(max(duration, .zero), Self.longest).nanoseconds)
    }
}
