// SPDX-License-Identifier: Apache-2.0

import Linux
import Testing

@Suite struct WallClockTests {
    @Test(
        "RFC 3339 in UTC, with milliseconds",
        arguments: [
            (0, 0, "1970-01-01T00:00:00.000Z"), (0, 999_999, "1970-01-01T00:00:00.000Z"),
            (0, 1_000_000, "1970-01-01T00:00:00.001Z"), (0, 999_999_999, "1970-01-01T00:00:00.999Z"),
            (951_782_400, 0, "2000-02-29T00:00:00.000Z"), (1_767_323_045, 678_901_234, "2026-01-02T03:04:05.678Z"),
            (1_798_761_599, 50_000_000, "2026-12-31T23:59:59.050Z"), (4_102_444_800, 0, "2100-01-01T00:00:00.000Z"),
            (-1, 0, "1969-12-31T23:59:59.000Z"),
        ])
    func rfc3339(seconds: Int, nanoseconds: Int, text: String) {
        #expect(WallClock(seconds: seconds, nanoseconds: nanoseconds).rfc3339 == text)
    }

    @Test func nowIsNow() {
        // The coarse clock is at most a tick behind, and the year is not before this was written.
        let before = WallClock.currentSecond()
        let now = WallClock.now()
        #expect(before > 1_750_000_000)
        #expect(now.seconds >= before)
        #expect((0..<1_000_000_000).contains(now.nanoseconds))
        #expect(now.rfc3339.utf8.count == 24)
    }
}
