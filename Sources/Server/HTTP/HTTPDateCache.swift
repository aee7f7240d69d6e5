// SPDX-License-Identifier: Apache-2.0

import HTTPWire
import Linux

/// The `Date` of answers, made anew once a second.
struct HTTPDateCache {
    private var second = -1
    private var date = HTTPDate(secondsSinceEpoch: 0)

    mutating func current() -> HTTPDate {
        let now = WallClock.currentSecond()
        if now != self.second {
            self.second = now
            self.date = HTTPDate(secondsSinceEpoch: now)
        }
        return self.date
    }
}
