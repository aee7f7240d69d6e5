// SPDX-License-Identifier: Apache-2.0

import Histogram
package import Linux

/// A histogram of latencies with three significant digits, in constant memory.
package struct Latencies: Sendable {
    private var histogram = Histogram<UInt32>(
        lowestDiscernibleValue: 1, highestTrackableValue: Self.nanosecondsMax, numberOfSignificantValueDigits: .three)

    /// Longer latencies count as this one. No request waits this long.
    private static let nanosecondsMax: UInt64 = 100_000_000_000

    package init() {}

    /// Adds the latency of one answer.
    package mutating func record(_ latency: Interval) {
        self.histogram.record(min(UInt64(clamping: latency.nanoseconds), Self.nanosecondsMax))
    }

    /// The latency in microseconds that `percent` of all answers did not exceed; 0 without answers.
    package func microseconds(atPercentile percent: Double) -> Double {
        self.histogram.totalCount == 0 ? 0 : Double(self.histogram.valueAtPercentile(percent)) / 1000
    }

    /// The maximum latency in microseconds; 0 without answers.
    package var longestMicroseconds: Double {
        self.histogram.totalCount == 0 ? 0 : Double(self.histogram.maxRecorded) / 1000
    }
}
