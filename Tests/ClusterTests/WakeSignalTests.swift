// SPDX-License-Identifier: Apache-2.0

import ClusterTestSupport
import Testing

@testable import Cluster

@Suite(.timeLimit(.minutes(5))) struct WakeSignalTests {
    @Test("a sleep ends when its time has come")
    func time() async {
        let clock = ManualClock()
        let bell = WakeSignal()
        async let sleep: Void = bell.sleep(until: clock.start + .seconds(5), on: clock)
        await clock.waitForSleeper(from: .seconds(5), through: .seconds(5))
        clock.advance(by: .seconds(5))
        await sleep
    }

    @Test("a ring ends the sleep, also one that has no end")
    func signal() async {
        let clock = ManualClock()
        let bell = WakeSignal()
        async let sleep: Void = bell.sleep(until: clock.start + .seconds(5), on: clock)
        await clock.waitForSleeper(from: .seconds(5), through: .seconds(5))
        bell.signal()
        await sleep
        #expect(clock.now == clock.start)
    }

    @Test("a ring that nobody slept through ends the next sleep, and only that")
    func earlyRing() async {
        let clock = ManualClock()
        let bell = WakeSignal()
        bell.signal()
        bell.signal()
        await bell.sleep(until: nil, on: clock)
        async let sleep: Void = bell.sleep(until: clock.start + .seconds(5), on: clock)
        await clock.waitForSleeper(from: .seconds(5), through: .seconds(5))
        clock.advance(by: .seconds(5))
        await sleep
    }

    @Test func cancellingTheTaskEndsTheSleep() async {
        let bell = WakeSignal()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await bell.sleep(until: nil, on: ManualClock()) }
            group.cancelAll()
        }
    }
}
