// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import Testing

@Suite struct HTTPDateTests {
    @Test(
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
            (1_795_475_640, "Mon, 23 Nov 2026 23:14:00 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ]
    )
    func anInstantIsWrittenAsTheStandardHasIt(seconds: Int, text: String) {
        #expect(HTTPDate(secondsSinceEpoch: seconds).description == text)
        #expect(text.utf8.count == HTTPDate.byteCount)
    }

    @Test func everyDayOfALeapYearCycleFollowsTheOneBefore() {
        let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        var days = 0
        for year in 1970..<2405 {
            let isLeapYear = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            let lengths = [31, isLeapYear ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
            for (month, length) in zip(months, lengths) {
                for day in 1...length {
                    let text = "\(weekdays[days % 7]), \(day < 10 ? "0" : "")\(day) \(month) \(year) 12:34:56 GMT"
                    let date = HTTPDate(secondsSinceEpoch: days * 86_400 + 45_296)
                    days += 1
                    guard date.description != text else { continue }
                    Issue.record("\(date) in place of \(text)")
                    return
                }
            }
        }
    }
}
