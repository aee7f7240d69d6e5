// SPDX-License-Identifier: Apache-2.0

import Primitives

/// The requests that wait for a place, in the order in which they arrived at the cluster.
///
/// A request that has to try again stands before all that arrived after it.
struct RequestQueue {
    struct Entry {
        let id: ClusterCore.RequestID
        let arrival: UInt64
        /// Whether any place does: it was not admitted before, and no endpoint is excluded. All such entries can be placed
        /// or none.
        let isPlain: Bool
        let deadline: ContinuousClock.Instant
    }

    private var entries: ArraySlice<Entry> = []
    /// Entries that are not plain.
    private(set) var specialCount = 0
    /// No entry's deadline is before this. It moves on when it is reached, not when an entry leaves.
    var earliestDeadline: ContinuousClock.Instant? { self.storedDeadline?.instant }
    private var storedDeadline: StoredInstant?

    var count: Int { self.entries.count }
    var isEmpty: Bool { self.entries.isEmpty }

    /// Position 0 is the first. O(1).
    subscript(_ position: Int) -> Entry { self.entries[self.entries.startIndex + position] }

    /// O(1) for a request that has just arrived.
    ///
    /// - Returns: whether ``earliestDeadline`` came nearer.
    mutating func insert(_ entry: Entry) -> Bool {
        let position = (self.entries.lastIndex { $0.arrival < entry.arrival }).map { $0 + 1 } ?? self.entries.startIndex
        self.entries.insert(entry, at: position)
        if !entry.isPlain { self.specialCount += 1 }
        if let earliest = self.earliestDeadline, earliest <= entry.deadline { return false }
        self.storedDeadline = StoredInstant(entry.deadline)
        return true
    }

    /// O(1) for the first.
    mutating func remove(at position: Int) {
        let entry =
            position == 0 ? self.entries.removeFirst() : self.entries.remove(at: self.entries.startIndex + position)
        if !entry.isPlain { self.specialCount -= 1 }
        if self.entries.isEmpty { self.storedDeadline = nil }
    }

    mutating func remove(_ id: ClusterCore.RequestID) {
        guard let index = self.entries.firstIndex(where: { $0.id == id }) else { return }
        self.remove(at: index - self.entries.startIndex)
    }

    /// Takes out the requests whose time is over.
    mutating func removeTimedOut(at now: ContinuousClock.Instant) -> [ClusterCore.RequestID] {
        guard let earliest = self.earliestDeadline, earliest <= now else { return [] }
        let late = self.entries.filter { $0.deadline <= now }
        self.entries.removeAll { $0.deadline <= now }
        self.specialCount -= late.count { !$0.isPlain }
        self.storedDeadline = self.entries.lazy.map(\.deadline).min().map(StoredInstant.init)
        return late.map(\.id)
    }
}
