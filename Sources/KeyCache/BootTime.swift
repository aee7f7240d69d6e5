// SPDX-License-Identifier: Apache-2.0

/// A moment in nanoseconds since the machine started, on a clock that nobody sets and that goes on while the machine
/// sleeps: CLOCK_BOOTTIME. A lifetime that is measured on it cannot be stretched.
package struct BootTime: Comparable, Sendable {
    package let nanoseconds: Int

    package init(nanoseconds: Int) { self.nanoseconds = nanoseconds }

    package static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

    static func - (left: Self, right: Self) -> TimeSpan { TimeSpan(nanoseconds: left.nanoseconds - right.nanoseconds) }

    static func + (left: Self, right: TimeSpan) -> Self { Self(nanoseconds: left.nanoseconds + right.nanoseconds) }
}

/// What lies between two moments, in one word: it is compared with every request, for which `Duration` and its 128 bits
/// are slow.
package struct TimeSpan: Comparable, Sendable {
    package let nanoseconds: Int

    package init(nanoseconds: Int) { self.nanoseconds = nanoseconds }

    /// Cut to what one word holds: 292 years.
    package init(_ duration: Duration) {
        self.init(nanoseconds: Int(clamping: duration.attoseconds / 1_000_000_000))
    }

    package static let zero = Self(nanoseconds: 0)
    package static func seconds(_ count: Int) -> Self { Self(nanoseconds: count * 1_000_000_000) }

    package var wholeSeconds: Int { self.nanoseconds / 1_000_000_000 }
    package var milliseconds: Int { self.nanoseconds / 1_000_000 }

    package static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }
    static func + (left: Self, right: Self) -> Self { Self(nanoseconds: left.nanoseconds + right.nanoseconds) }
    static func / (span: Self, divisor: Int) -> Self { Self(nanoseconds: span.nanoseconds / divisor) }
}
