// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Testing

@testable import CertificateRotation

struct ExpiryAlarmTests {
    static let day = 24 * 3600
    static let week = ExpiryAlarm(days: [7])

    @Test(
        "A week before its end, or after four fifths of its time, a certificate ends soon",
        arguments: [
            (90 * Self.day, 90 * Self.day - 7 * Self.day), (365 * Self.day, 358 * Self.day),
            (10 * Self.day, 8 * Self.day), (3600, 2880), (0, 0),
        ]
    )
    func stages(length: Int, near: Int) {
        let validity = Validity(notBefore: 1000, notAfter: 1000 + length)
        #expect(Self.week.stage(of: validity, at: 1000 + near) == .far)
        if length > 0 { #expect(Self.week.stage(of: validity, at: 1001 + near) == .near(1)) }
        #expect(Self.week.stage(of: validity, at: 1001 + length) == .ended)
    }

    @Test("Each stage is told once, whatever the clock does")
    func once() {
        let validity = Validity(notBefore: 0, notAfter: 100)
        var alarm = Self.week
        let told = [50, 79, 81, 90, 70, 95, 101, 90, 200].map { alarm.advance(validity, now: $0) }
        #expect(told == [nil, nil, .near(1), nil, nil, nil, .ended, nil, nil])
    }

    @Test("Each lead has a warning of its own; those of a short-lived certificate are one")
    func leads() {
        var alarm = ExpiryAlarm(days: [30, 7, 1])
        let validity = Validity(notBefore: 0, notAfter: 90 * Self.day)
        let told = [59, 61, 70, 84, 88, 90].map { alarm.advance(validity, now: $0 * Self.day + 1) }
        #expect(told == [nil, .near(1), nil, .near(2), nil, .ended])
        let short = Validity(notBefore: 0, notAfter: 1000)
        #expect(alarm.fresh().stage(of: short, at: 790) == .far)
        #expect(alarm.fresh().stage(of: short, at: 810) == .near(3))
    }

    @Test("What has been told already is not told again")
    func told() {
        var alarm = ExpiryAlarm(days: [7], told: .ended)
        #expect(alarm.advance(Validity(notBefore: 0, notAfter: 100), now: 200) == nil)
    }
}
