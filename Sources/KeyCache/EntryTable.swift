// SPDX-License-Identifier: Apache-2.0

import KeyService

/// The entries of a shard, and the choice of the entry to evict.
///
/// Invariants, checked by the simulation:
/// 1. `count <= capacity`, always.
/// 2. An entry has one place, from 0 up to the capacity, for its whole life. No two entries share a place.
/// 3. Every entry is in exactly one of the queues, and can be found by its fingerprint.
///
/// Eviction is S3-FIFO (Yang et al., SOSP 2023). New entries enter a small queue. Entries that are used there again, or
/// that return soon after their eviction, move to the main queue. A scan, which uses nothing twice, therefore does not
/// displace the main queue. SIEVE is simpler, but a scan longer than the cache flushes it. Both are O(1), amortised,
/// and neither moves entries on a hit.
///
/// No clock, no lock, no secret: plaintexts are stored elsewhere, by place.
struct EntryTable: ~Copyable {
    struct Entry {
        let fingerprint: Fingerprint
        /// When the key server was asked that last confirmed the entry.
        var confirmedAt: BootTime
        /// Last use; see ``ExpiryPolicy/useGranularity``.
        var usedAt: BootTime
        /// The key and its epoch; see ``EntriesByKey``.
        var stamp: EntriesByKey.Stamp
        /// Length of the plaintext, in bytes.
        var byteCount: UInt8
        /// The endpoint that returned the plaintext; ``noEndpoint`` if the backend has none.
        private var endpointNumber = Self.noEndpoint
        fileprivate(set) var queue = Queue.none
        /// Uses since the entry last reached the end of its queue, up to 3.
        fileprivate(set) var useCount: UInt8 = 0
        /// The neighbours in the queue.
        fileprivate(set) var older = EntryTable.noPlace
        fileprivate(set) var newer = EntryTable.noPlace

        private static let noEndpoint = UInt16.max

        var endpoint: EndpointIndex? {
            get { self.endpointNumber == Self.noEndpoint ? nil : EndpointIndex(self.endpointNumber) }
            set { self.endpointNumber = newValue?.value ?? Self.noEndpoint }
        }

        init(
            _ fingerprint: Fingerprint, confirmedAt: BootTime, usedAt: BootTime, stamp: EntriesByKey.Stamp,
            byteCount: Int,
            endpoint: EndpointIndex? = nil
        ) {
            self.fingerprint = fingerprint
            self.confirmedAt = confirmedAt
            self.usedAt = usedAt
            self.stamp = stamp
            self.byteCount = UInt8(byteCount)
            self.endpoint = endpoint
        }
    }

    enum Queue: UInt8 {
        /// The place is free; `older` is the next free place.
        case none
        case small
        case main
    }

    private struct LinkedQueue {
        var oldest = EntryTable.noPlace
        var newest = EntryTable.noPlace
        var count = 0
    }

    private static let noPlace = UInt32.max

    let capacity: Int
    /// Length of the small queue beyond which entries leave it.
    private let smallCountMax: Int
    /// By place. Grows when a place is used for the first time.
    private var entries: [Entry] = []
    private var firstFree = EntryTable.noPlace
    private var small = LinkedQueue()
    private var main = LinkedQueue()
    /// Place plus one by fingerprint; 0: empty. Open addressing, at most half full.
    private var buckets: [UInt32]
    private var evicted: EvictedEntries

    init(capacity: Int) {
        precondition(capacity > 0 && capacity < 1 << 30)
        self.capacity = capacity
        self.smallCountMax = max(1, capacity / 10)
        self.buckets = Array(repeating: 0, count: (capacity * 2).roundedUpToPowerOfTwo)
        self.evicted = EvictedEntries(capacity: capacity)
        self.entries.reserveCapacity(capacity)
    }

    var count: Int { self.small.count + self.main.count }

    /// Places that were ever used. All entries are below.
    var placeCount: Int { self.entries.count }

    /// The place of an entry.
    func place(of fingerprint: Fingerprint) -> Int? {
        var bucket = self.home(of: fingerprint)
        while true {
            let content = self.buckets[bucket]
            guard content > 0 else { return nil }
            let place = Int(content - 1)
            if self.entries[place].fingerprint == fingerprint { return place }
            bucket = (bucket + 1) & self.bucketMask
        }
    }

    /// The entry in a place. An entry in no queue was removed.
    subscript(place: Int) -> Entry {
        _read { yield self.entries[place] }
        _modify { yield &self.entries[place] }
    }

    /// Counts a use, which protects the entry from eviction.
    mutating func countUse(at place: Int) {
        if self.entries[place].useCount < 3 { self.entries[place].useCount += 1 }
    }

    /// Adds an entry. If the table is full, evicts another entry and reuses its place.
    ///
    /// - Precondition: no entry has this fingerprint.
    mutating func insert(_ entry: Entry) -> (place: Int, evicted: Entry?) {
        var evicted: Entry?
        let place: UInt32
        if self.firstFree != Self.noPlace {
            place = self.firstFree
            self.firstFree = self.entries[Int(place)].older
            self.entries[Int(place)] = entry
        } else if self.entries.count < self.capacity {
            place = UInt32(self.entries.count)
            self.entries.append(entry)
        } else {
            place = self.makeRoom()
            evicted = self.entries[Int(place)]
            self.entries[Int(place)] = entry
        }
        self.enter(self.evicted.remembers(entry.fingerprint) ? .main : .small, place)
        var bucket = self.home(of: entry.fingerprint)
        while self.buckets[bucket] > 0 { bucket = (bucket + 1) & self.bucketMask }
        self.buckets[bucket] = place + 1
        return (Int(place), evicted)
    }

    /// Removes an entry and frees its place.
    mutating func remove(at place: Int) {
        self.takeOut(UInt32(place))
        self.entries[place].older = self.firstFree
        self.firstFree = UInt32(place)
    }

    /// Removes all entries.
    mutating func removeAll() {
        self.entries.removeAll(keepingCapacity: true)
        self.firstFree = Self.noPlace
        self.small = LinkedQueue()
        self.main = LinkedQueue()
        for bucket in self.buckets.indices { self.buckets[bucket] = 0 }
    }

    // MARK: Eviction

    /// Removes the entry to evict. O(1), amortised: each step but the last consumes one counted use.
    private mutating func makeRoom() -> UInt32 {
        while true {
            if self.small.count >= self.smallCountMax || self.main.count == 0 {
                let place = self.small.oldest
                guard self.entries[Int(place)].useCount == 0 else {
                    self.leave(.small, place)
                    self.entries[Int(place)].useCount = 0
                    self.enter(.main, place)
                    continue
                }
                self.evicted.remember(self.entries[Int(place)].fingerprint)
                self.takeOut(place)
                return place
            }
            let place = self.main.oldest
            guard self.entries[Int(place)].useCount == 0 else {
                self.entries[Int(place)].useCount -= 1
                self.leave(.main, place)
                self.enter(.main, place)
                continue
            }
            self.takeOut(place)
            return place
        }
    }

    private mutating func takeOut(_ place: UInt32) {
        self.leave(self.entries[Int(place)].queue, place)
        self.removeBucket(of: place)
    }

    // MARK: Queues

    private mutating func enter(_ queue: Queue, _ place: UInt32) {
        var list = queue == .main ? self.main : self.small
        self.entries[Int(place)].queue = queue
        self.entries[Int(place)].older = list.newest
        self.entries[Int(place)].newer = Self.noPlace
        if list.newest == Self.noPlace {
            list.oldest = place
        } else {
            self.entries[Int(list.newest)].newer = place
        }
        list.newest = place
        list.count += 1
        if queue == .main { self.main = list } else { self.small = list }
    }

    private mutating func leave(_ queue: Queue, _ place: UInt32) {
        precondition(queue != .none, "an entry that has gone already")
        var list = queue == .main ? self.main : self.small
        let (older, newer) = (self.entries[Int(place)].older, self.entries[Int(place)].newer)
        if older == Self.noPlace { list.oldest = newer } else { self.entries[Int(older)].newer = newer }
        if newer == Self.noPlace { list.newest = older } else { self.entries[Int(newer)].older = older }
        list.count -= 1
        self.entries[Int(place)].queue = .none
        if queue == .main { self.main = list } else { self.small = list }
    }

    // MARK: Buckets

    private var bucketMask: Int { self.buckets.count - 1 }

    private func home(of fingerprint: Fingerprint) -> Int {
        Int(truncatingIfNeeded: fingerprint.low) & self.bucketMask
    }

    /// Empties a bucket, and moves later entries of the probe sequence into the gap.
    private mutating func removeBucket(of place: UInt32) {
        let mask = self.bucketMask
        var gap = self.home(of: self.entries[Int(place)].fingerprint)
        while self.buckets[gap] != place + 1 { gap = (gap + 1) & mask }
        var bucket = gap
        while true {
            bucket = (bucket + 1) & mask
            guard self.buckets[bucket] > 0 else { break }
            let home = self.home(of: self.entries[Int(self.buckets[bucket] - 1)].fingerprint)
            guard (bucket - home) & mask >= (bucket - gap) & mask else { continue }
            self.buckets[gap] = self.buckets[bucket]
            gap = bucket
        }
        self.buckets[gap] = 0
    }
}

/// Recently evicted entries that left the small queue unused: about as many as the capacity, as 32-bit tags of their
/// fingerprints. A false positive only puts an entry into the main queue.
private struct EvictedEntries {
    private var tags: [UInt32]

    init(capacity: Int) { self.tags = Array(repeating: 0, count: capacity.roundedUpToPowerOfTwo) }

    mutating func remember(_ fingerprint: Fingerprint) {
        self.tags[self.bucket(of: fingerprint)] = Self.tag(of: fingerprint)
    }

    /// Whether the entry was evicted recently. Forgets it.
    mutating func remembers(_ fingerprint: Fingerprint) -> Bool {
        let bucket = self.bucket(of: fingerprint)
        guard self.tags[bucket] == Self.tag(of: fingerprint) else { return false }
        self.tags[bucket] = 0
        return true
    }

    private func bucket(of fingerprint: Fingerprint) -> Int {
        Int(truncatingIfNeeded: fingerprint.low) & (self.tags.count - 1)
    }

    private static func tag(of fingerprint: Fingerprint) -> UInt32 { UInt32(truncatingIfNeeded: fingerprint.high) | 1 }
}

extension Int {
    /// For numbers above zero.
    fileprivate var roundedUpToPowerOfTwo: Int { self <= 1 ? 1 : 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount) }
}
