// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A counter that threads increment without locks.
package final class Counter: Sendable {
    private let value = Atomic<Int>(0)

    package init() {}

    /// The value. Relaxed: other memory is not synchronised.
    package var current: Int { self.value.load(ordering: .relaxed) }

    /// Adds to the value. Thread-safe, without a lock.
    package func add(_ amount: Int = 1) { self.value.wrappingAdd(amount, ordering: .relaxed) }
}

/// A histogram of durations with fixed buckets. Threads record without locks.
package final class Histogram: Sendable {
    /// Upper bounds in nanoseconds: 5 µs to 10 s, with every bound that KES's own histogram has among them.
    package static let bounds: [Int] = [
        5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
        1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000, 100_000_000, 250_000_000, 500_000_000,
        1_000_000_000, 1_500_000_000, 3_000_000_000, 5_000_000_000, 10_000_000_000,
    ]

    /// One per bound, plus one for longer durations.
    private let counts = InlineArray<22, Atomic<Int>> { _ in Atomic(0) }
    private let sum = Atomic(0)

    package init() {}

    /// Counts one duration. Thread-safe, without a lock.
    package func record(nanoseconds: Int) {
        let bounds = Self.bounds
        var index = 0
        while index < bounds.count, nanoseconds > bounds[index] { index += 1 }
        self.counts[index].wrappingAdd(1, ordering: .relaxed)
        self.sum.wrappingAdd(nanoseconds, ordering: .relaxed)
    }

    /// The counts so far. Concurrent records may be counted in part.
    package func snapshot() -> Snapshot {
        Snapshot(
            counts: self.counts.indices.map { self.counts[$0].load(ordering: .relaxed) },
            sumNanoseconds: self.sum.load(ordering: .relaxed))
    }

    /// The counts of a histogram at one moment, or the sum of several histograms.
    package struct Snapshot: Sendable {
        /// Per bucket, not cumulative.
        package private(set) var counts: [Int]
        /// The sum of all durations.
        package private(set) var sumNanoseconds: Int

        /// No observations.
        package static let zero = Snapshot(
            counts: [Int](repeating: 0, count: Histogram.bounds.count + 1), sumNanoseconds: 0)

        /// Number of observations.
        package var count: Int { self.counts.reduce(0, +) }

        /// The number of observations of at most `bound` nanoseconds. `bound` must be one of ``Histogram/bounds``.
        package func cumulativeCount(upTo bound: Int) -> Int {
            zip(Histogram.bounds, self.counts).reduce(0) { $1.0 <= bound ? $0 + $1.1 : $0 }
        }

        package static func += (left: inout Snapshot, right: Snapshot) {
            for index in left.counts.indices { left.counts[index] += right.counts[index] }
            left.sumNanoseconds += right.sumNanoseconds
        }
    }
}
