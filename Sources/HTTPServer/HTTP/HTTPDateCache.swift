// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import Linux

/// The `Date` of answers, made anew once a second.
struct HTTPDateCache: Sendable {
    private var second = -1
    /// Nil before the first: writers whose heads are sent by others make none.
    private var date: HTTPDate?

    mutating func current() -> HTTPDate { self.date(of: WallClock.currentSecond()) }

    mutating func date(of second: Int) -> HTTPDate {
        if let date = self.date, second == self.second { return date }
        let date = HTTPDate(secondsSinceEpoch: second)
        self.second = second
        self.date = date
        return date
    }
}
