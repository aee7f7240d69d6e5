// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import KeyCache

@Suite struct RenewalScheduleTests {
    @Test("entries are due from three quarters to nine tenths of their life, spread evenly")
    func jitter() {
        let any = TimeSpan.seconds(200)
        let schedule = RenewalSchedule(capacity: 100, any: any)
        func dueCount(at second: Int) -> Int {
            (0..<1_000).count { schedule.isDue(.number($0), age: .seconds(second), any: any) }
        }
        #expect(dueCount(at: 149) == 0)
        #expect((400...600).contains(dueCount(at: 165)))
        #expect(dueCount(at: 180) == 1_000)
    }

    @Test("an entry stays due")
    func staysDue() {
        let any = TimeSpan(nanoseconds: 1_000)
        let schedule = RenewalSchedule(capacity: 1, any: any)
        for number in 0..<100 {
            let due = (0...1_000).map { schedule.isDue(.number(number), age: TimeSpan(nanoseconds: $0), any: any) }
            #expect(due == due.sorted { !$0 && $1 })
        }
    }

    @Test("so many at a time")
    func atATime() {
        var schedule = RenewalSchedule(capacity: 1_000_000, any: .seconds(1), inFlightMax: 2)
        #expect(schedule.admit(at: .seconds(1)) == true)
        #expect(schedule.admit(at: .seconds(1)) == true)
        #expect(schedule.admit(at: .seconds(9)) == false)
        schedule.ended()
        #expect(schedule.admit(at: .seconds(9)) == true)
    }

    @Test("a burst of a second's worth, then one after the other; rest is not saved up")
    func rate() {
        // One in 50 ms: 20 a second.
        var schedule = RenewalSchedule(capacity: 10, any: .seconds(1), inFlightMax: .max)
        func admitted(at now: BootTime) -> Int { (0..<100).count { _ in schedule.admit(at: now) } }
        #expect(admitted(at: .seconds(1)) == 20)
        #expect(admitted(at: .milliseconds(1_049)) == 0)
        #expect(admitted(at: .milliseconds(1_050)) == 1)
        #expect(admitted(at: .milliseconds(1_150)) == 2)
        #expect(admitted(at: .seconds(3_600)) == 20)
    }

    @Test("a small cache with long lives is renewed, too")
    func slowest() {
        var schedule = RenewalSchedule(capacity: 1, any: .seconds(1_000_000), inFlightMax: .max)
        #expect((0..<100).count { _ in schedule.admit(at: .seconds(1)) } == 10)
        #expect(schedule.admit(at: .milliseconds(1_100)) == true)
    }
}
