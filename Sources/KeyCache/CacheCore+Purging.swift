// SPDX-License-Identifier: Apache-2.0

import KeyService

/// How entries leave the cache other than by eviction: purges, and the sweep of what has expired.
extension CacheCore {
    /// From now on no entry answers that there is, and no answer is kept that is on its way.
    ///
    /// - Parameter name: whose entries; nil for all keys'.
    /// - Returns: how many there were, and which places to empty at once: all, if nothing that answers is left. Else
    ///   theirs are yet to be swept.
    mutating func purge(_ name: KeyName?) -> (count: Int, empty: Range<Int>) {
        let count = self.markPurged(name)
        guard count > 0, self.entriesByKey.liveCount == 0 else { return (count, 0..<0) }
        let all = 0..<self.table.placeCount
        self.table.removeAll()
        self.entriesByKey.leaveAll()
        return (count, all)
    }

    /// The same with all places yet to be swept.
    @discardableResult mutating func markPurged(_ name: KeyName?) -> Int {
        self.flights.purge(name)
        let count = name.map { self.entriesByKey.purge($0) } ?? self.entriesByKey.purgeAll()
        self.counts.evictions.purged += count
        return count
    }

    /// Takes out what never answers again, in parts. Several may be at it: each starts at 0 and goes through all places.
    ///
    /// - Parameters:
    ///   - start: the first place to look at.
    ///   - budget: how many places to look at.
    /// - Returns: which places to empty, and where the next part starts; nil when this was the last.
    mutating func sweep(from start: Int, _ budget: Int, at now: BootTime) -> (empty: [Int], next: Int?) {
        var empty: [Int] = []
        guard start < self.table.placeCount else { return ([], nil) }
        let end = min(start + budget, self.table.placeCount)
        for place in start..<end where self.table[place].queue != .none {
            let isLive = self.entriesByKey.isLive(self.table[place].stamp)
            let age = now - self.table[place].confirmedAt
            let idle = now - self.table[place].usedAt
            guard !isLive || self.policy.freshness(age: age, idle: idle) == .expired else { continue }
            if isLive { self.counts.evictions.expired += 1 }
            self.remove(at: place)
            empty.append(place)
        }
        return (empty, end == self.table.placeCount ? nil : end)
    }

    /// Whether entries were purged whose places are not empty yet.
    var hasPurgedEntries: Bool { self.entriesByKey.purgedCount > 0 }
}
