// SPDX-License-Identifier: Apache-2.0

/// A time in nanoseconds since the machine started, on CLOCK_BOOTTIME. This clock cannot be set, and continues while
/// the machine sleeps, so no lifetime measured on it can be extended.
package struct BootTime: Comparable, Sendable {
    package let nanoseconds: Int

    package init(nanoseconds: Int) { self.nanoseconds = nanoseconds }

    package static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

    static func - (left: Self, right: Self) -> TimeSpan { TimeSpan(nanoseconds: left.nanoseconds - right.nanoseconds) }

    static func + (left: Self, right: TimeSpan) -> Self { Self(nanoseconds: left.nanoseconds + right.nanoseconds) }
}

/// An interval in nanoseconds, in one word. Every request compares intervals, and `Duration` with its 128 bits is
/// slower.
package struct TimeSpan: Comparable, Sendable {
    package let nanoseconds: Int

    package init(nanoseconds: Int) { self.nanoseconds = nanoseconds }

    /// Limited to what one word holds: 292 years.
    package init(_ duration: Duration) {
        self.init(nanoseconds: Int(clamping: duration.attoseconds / 1_000_000_000))
    }

    package static let zero = Self(nanoseconds: 0)
    package static func seconds(_ count: Int) -> Self { Self(nanoseconds: count * 1_000_000_000) }

    /// Rounded down.
    package var wholeSeconds: Int { self.nanoseconds / 1_000_000_000 }
    /// Rounded down.
    package var milliseconds: Int { self.nanoseconds / 1_000_000 }

    package static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }
    static func + (left: Self, right: Self) -> Self { Self(nanoseconds: left.nanoseconds + right.nanoseconds) }
    static func / (span: Self, divisor: Int) -> Self { Self(nanoseconds: span.nanoseconds / divisor) }
}
