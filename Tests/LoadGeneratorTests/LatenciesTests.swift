// SPDX-License-Identifier: Apache-2.0

import Linux
import LoadGenerator
import Testing

@Suite struct LatenciesTests {
    @Test func withoutAnswersThereAreNone() {
        let latencies = Latencies()
        #expect(latencies.microseconds(atPercentile: 99) == 0 && latencies.longestMicroseconds == 0)
    }

    @Test(arguments: [1, 100, 10_000])
    func percentilesAreThoseOfTheSortedValues(microseconds: Int) {
        var latencies = Latencies()
        for number in (1...1000).reversed() { latencies.record(.nanoseconds(number * microseconds * 1000)) }
        for percent in [0.1, 1, 50, 90, 99, 99.9, 100] {
            let expected = percent * 10 * Double(microseconds)
            let value = latencies.microseconds(atPercentile: percent)
            #expect(abs(value - expected) <= expected / 1000, "\(percent) %: \(value)")
        }
        let longest = latencies.longestMicroseconds
        #expect(abs(longest - Double(1000 * microseconds)) <= Double(microseconds))
    }

    @Test func whatIsFarOffIsCountedAllTheSame() {
        var latencies = Latencies()
        latencies.record(.hours(1))
        latencies.record(.nanoseconds(-5))
        #expect(latencies.microseconds(atPercentile: 10) == 0)
        #expect(latencies.longestMicroseconds >= 100_000_000)
    }
}
