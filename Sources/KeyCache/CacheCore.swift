// SPDX-License-Identifier: Apache-2.0

import KeyService

/// What a cache decides, for one share of the fingerprints: who gets which answer, what is asked, what is kept and what
/// goes. No clock, no thread, no randomness, and no secret: time comes in as an argument, what is to be done goes out as
/// a value, and a plaintext is a place that somebody else keeps.
///
/// Rules, checked after each step of the simulation:
/// 1. An answer is what the key server said to exactly the question asked, or is a failure.
/// 2. Nothing answers beyond what ``ExpiryPolicy`` allows, and nothing stale while somebody can be reached.
/// 3. Whoever asks after a purge gets no answer from before it.
/// 4. The key server is asked at most once at a time for a fingerprint.
/// 5. A place belongs to one entry, from ``Completion/keep`` or ``Fill/keep(_:)`` until it is returned
///    to be emptied, or is given to another.
/// 6. Each caller gets one answer, unless he leaves before.
/// 7. A plaintext that differs from the cached one removes the cached one and is neither cached nor returned until a third
///    answer equals one of the two. If none does, callers get `.contradicted`, and for ``ExpiryPolicy/any`` the fingerprint
///    is not cached and needs two equal answers. No contradicted plaintext is served stale.
struct CacheCore<Caller: Equatable & Sendable>: ~Copyable {
    let policy: ExpiryPolicy
    private let useGranularity: TimeSpan
    var table: EntryTable
    var entriesByKey = EntriesByKey()
    var flights = SingleFlight<Caller>()
    var renewals: RenewalSchedule
    var contradicted: ContradictedFingerprints
    var counts = CacheStatistics()

    init(capacity: Int, policy: ExpiryPolicy) {
        self.policy = policy
        self.useGranularity = policy.useGranularity
        self.table = EntryTable(capacity: capacity)
        self.renewals = RenewalSchedule(capacity: capacity, any: policy.any)
        self.contradicted = ContradictedFingerprints(countMax: max(capacity, 1024), duration: policy.any)
    }

    /// An answer at hand.
    struct CachedAnswer: Equatable {
        let place: Int
        let byteCount: Int
        /// Since the key server was asked that last vouched for it.
        let age: TimeSpan
        let isStale: Bool
    }

    enum Lookup: Equatable {
        /// If it renews, the key server is to be asked again, and ``complete(_:_:at:isOutOfReach:)`` called with the answer.
        case cached(CachedAnswer, renews: Bool)
        case none
    }

    /// Looks for an answer that is at hand.
    ///
    /// - Parameter name: nil if the caller cannot renew what he gets: what is due then is not at hand.
    /// - Parameter isOutOfReach: whether nobody can be reached who could answer. Asked for only where it matters.
    mutating func lookUp(
        _ fingerprint: Fingerprint, of name: KeyName?, at now: BootTime, isOutOfReach: () -> Bool
    ) -> Lookup {
        guard let place = self.table.place(of: fingerprint) else { return .none }
        guard self.entriesByKey.isLive(self.table[place].stamp) else { return .none }
        let age = now - self.table[place].confirmedAt
        let idle = now - self.table[place].usedAt
        let byteCount = Int(self.table[place].byteCount)
        switch self.policy.freshness(age: age, idle: idle) {
        case .fresh:
            let isDue = self.renewals.isDue(fingerprint, age: age, any: self.policy.any)
            if isDue, name == nil { return .none }
            self.counts.hits += 1
            if idle >= self.useGranularity {
                self.table[place].usedAt = now
                self.table.countUse(at: place)
            }
            let renews =
                if isDue, let name {
                    self.beginRenewal(fingerprint, of: name, at: now, isOutOfReach: isOutOfReach)
                } else {
                    false
                }
            return .cached(CachedAnswer(place: place, byteCount: byteCount, age: age, isStale: false), renews: renews)
        case .stale:
            guard isOutOfReach() else { return .none }
            self.counts.stale += 1
            self.table.countUse(at: place)
            return .cached(CachedAnswer(place: place, byteCount: byteCount, age: age, isStale: true), renews: false)
        case .expired:
            return .none
        }
    }

    private mutating func beginRenewal(
        _ fingerprint: Fingerprint, of name: KeyName, at now: BootTime, isOutOfReach: () -> Bool
    ) -> Bool {
        guard !self.flights.isUnderWay(fingerprint), !isOutOfReach(), self.renewals.admit(at: now) else { return false }
        self.flights.begin(
            fingerprint, SingleFlight.Flight(name: name, startedAt: now, isRenewal: true, callers: []))
        return true
    }

    /// The renewal that a lookup has just begun does not take place.
    mutating func cancelRenewal(_ fingerprint: Fingerprint) {
        let flight = self.flights.end(fingerprint)
        precondition(flight.isRenewal && flight.callers.isEmpty, "a flight that somebody waits for")
        self.renewals.ended()
    }

    // MARK: Asking

    enum Ask: Equatable {
        /// As ``Lookup/cached(_:renews:)``.
        case cached(CachedAnswer, renews: Bool)
        /// The caller is told when an answer comes.
        case wait
        /// He is told likewise, but first the key server is to be asked.
        case begin
    }

    /// Has a caller wait for an answer, unless one is at hand.
    mutating func ask(
        _ fingerprint: Fingerprint, of name: KeyName, _ caller: Caller, at now: BootTime, isOutOfReach: () -> Bool
    ) -> Ask {
        if case .cached(let cached, let renews) = self.lookUp(
            fingerprint, of: name, at: now, isOutOfReach: isOutOfReach)
        {
            return .cached(cached, renews: renews)
        }
        if self.flights.join(fingerprint, caller) {
            self.counts.coalesced += 1
            return .wait
        }
        self.counts.misses += 1
        self.flights.begin(
            fingerprint, SingleFlight.Flight(name: name, startedAt: now, isRenewal: false, callers: [caller]))
        return .begin
    }

    /// A caller does not wait any longer.
    mutating func leave(_ fingerprint: Fingerprint, _ caller: Caller) { self.flights.leave(fingerprint, caller) }

    // MARK: Entries

    enum Fill: Equatable {
        /// Where to keep the plaintext, whatever is there; nil if it is not to be kept.
        case keep(Int?)
        /// The plaintext contradicts the cached one, which is dropped. The fingerprint is not cached for a while, unless
        /// ``confirm(_:)`` is called.
        case contradiction(empty: Int?)
    }

    /// Adds an entry for a new data key, or renews one.
    ///
    /// - Parameter askedAt: when the key server was asked. The entry's age counts from then.
    mutating func fill(
        _ fingerprint: Fingerprint, _ name: KeyName, byteCount: Int, agreement: Agreement, by endpoint: EndpointIndex?,
        askedAt: BootTime, at now: BootTime
    ) -> Fill {
        if agreement == .different {
            self.contradicted.insert(fingerprint, at: now)
            return .contradiction(empty: self.dropContradicted(fingerprint))
        }
        guard !self.flights.isContradicted(fingerprint) else { return .keep(nil) }
        return .keep(self.enter(fingerprint, name, byteCount: byteCount, by: endpoint, askedAt: askedAt, at: now))
    }

    /// Another endpoint has confirmed a plaintext that contradicted the cached one: it may be cached again.
    mutating func confirm(_ fingerprint: Fingerprint) { self.contradicted.remove(fingerprint) }

    mutating func enter(
        _ fingerprint: Fingerprint, _ name: KeyName, byteCount: Int, by endpoint: EndpointIndex?, askedAt: BootTime,
        at now: BootTime
    ) -> Int? {
        guard byteCount <= Self.byteCountMax, now - askedAt <= self.policy.any,
            !self.contradicted.contains(fingerprint, at: now)
        else { return nil }
        if let place = self.table.place(of: fingerprint) {
            if !self.entriesByKey.isLive(self.table[place].stamp) {
                self.entriesByKey.leave(self.table[place].stamp)
                self.table[place].stamp = self.entriesByKey.enter(name)
            }
            self.table[place].confirmedAt = askedAt
            self.table[place].usedAt = now
            self.table[place].byteCount = UInt8(byteCount)
            self.table[place].endpoint = endpoint
            return place
        }
        let stamp = self.entriesByKey.enter(name)
        let (place, evicted) = self.table.insert(
            EntryTable.Entry(
                fingerprint, confirmedAt: askedAt, usedAt: now, stamp: stamp, byteCount: byteCount, endpoint: endpoint))
        if let evicted {
            if self.entriesByKey.isLive(evicted.stamp) { self.counts.evictions.capacity += 1 }
            self.entriesByKey.leave(evicted.stamp)
        }
        return place
    }

    /// The longest plaintext that is kept. Data keys have 32 bytes.
    static var byteCountMax: Int { 64 }

    mutating func remove(at place: Int) {
        self.entriesByKey.leave(self.table[place].stamp)
        self.table.remove(at: place)
    }

    // MARK: What is told

    var statistics: CacheStatistics {
        var statistics = self.counts
        statistics.entries = self.entriesByKey.liveCount
        statistics.capacity = self.table.capacity
        return statistics
    }

    /// Entries, live or purged, whose places are not empty.
    var placesInUse: Int { self.table.count }

    /// Questions that the key server is being asked.
    var flightCount: Int { self.flights.count }
}
