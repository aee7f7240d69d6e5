// SPDX-License-Identifier: Apache-2.0

import KeyService

/// How entries leave the cache other than by eviction: by purges, and by sweeps of expired entries.
extension CacheCore {
    /// Purges entries: no current entry is served again, and answers in flight are not stored.
    ///
    /// - Parameter name: the key whose entries to purge; nil for all.
    /// - Returns: the number of purged entries, and the places to empty at once: all places if no live entry is left.
    ///   Otherwise a sweep empties them.
    mutating func purge(_ name: KeyName?) -> (count: Int, empty: Range<Int>) {
        let count = self.markPurged(name)
        guard count > 0, self.entriesByKey.liveCount == 0 else { return (count, 0..<0) }
        let all = 0..<self.table.placeCount
        self.table.removeAll()
        self.entriesByKey.leaveAll()
        return (count, all)
    }

    /// As ``purge(_:)``, but leaves all places to a sweep.
    @discardableResult mutating func markPurged(_ name: KeyName?) -> Int {
        self.flights.purge(name)
        let count = name.map { self.entriesByKey.purge($0) } ?? self.entriesByKey.purgeAll()
        self.counts.evictions.purged += count
        return count
    }

    /// Removes expired and purged entries from a range of places. Sweeps can overlap: each starts at 0 and visits all
    /// places.
    ///
    /// - Parameters:
    ///   - start: the first place to visit.
    ///   - budget: the number of places to visit.
    /// - Returns: the places to empty, and the start of the next range; nil after the last one.
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

    /// Whether the places of purged entries are still to be emptied.
    var hasPurgedEntries: Bool { self.entriesByKey.purgedCount > 0 }
}
