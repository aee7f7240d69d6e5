// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Cluster

/// When a second endpoint is asked, and how often.
@Suite struct HedgingTests {
    @Test("hedges have a budget: one of twenty requests")
    func budget() {
        var hedging = Hedging()
        #expect(hedging.delay == nil)
        #expect(hedging.isAffordable)
        hedging.spend()
        #expect(!hedging.isAffordable)
        for _ in 0..<21 { hedging.note(.milliseconds(2)) }
        #expect(hedging.isAffordable)
        hedging.spend()
        #expect(!hedging.isAffordable)
    }

    @Test("the delay is the 99th percentile of the last answers")
    func percentile() {
        var hedging = Hedging()
        for number in 1...256 { hedging.note(.milliseconds(number)) }
        #expect(hedging.delay == .milliseconds(254))
        for _ in 1...256 { hedging.note(.microseconds(1)) }
        #expect(hedging.delay == .milliseconds(1))
    }
}
