// SPDX-License-Identifier: Apache-2.0

import Histogram
package import Linux

/// How long answers took: to three digits, in the same room for however many.
package struct Latencies: Sendable {
    private var histogram = Histogram<UInt32>(
        lowestDiscernibleValue: 1, highestTrackableValue: Self.nanosecondsMax, numberOfSignificantValueDigits: .three)

    /// What takes longer is counted as this: no answer is waited for as long.
    private static let nanosecondsMax: UInt64 = 100_000_000_000

    package init() {}

    package mutating func record(_ latency: Interval) {
        self.histogram.record(min(UInt64(clamping: latency.nanoseconds), Self.nanosecondsMax))
    }

    /// The latency that `percent` of all answers did not exceed, in microseconds; 0 if there are none.
    package func microseconds(atPercentile percent: Double) -> Double {
        self.histogram.totalCount == 0 ? 0 : Double(self.histogram.valueAtPercentile(percent)) / 1000
    }

    package var longestMicroseconds: Double {
        self.histogram.totalCount == 0 ? 0 : Double(self.histogram.maxRecorded) / 1000
    }
}
