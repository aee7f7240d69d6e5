// SPDX-License-Identifier: Apache-2.0

import HTTPWire
import Linux

/// The `Date` of answers, made anew once a second.
struct HTTPDateCache: Sendable {
    private var second = -1
    /// Nil before the first: writers whose heads are sent by others make none.
    private var date: HTTPDate?

    mutating func current() -> HTTPDate {
        let now = WallClock.currentSecond()
        if let date = self.date, now == self.second { return date }
        let date = HTTPDate(secondsSinceEpoch: now)
        self.second = now
        self.date = date
        return date
    }
}
