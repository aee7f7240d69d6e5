// SPDX-License-Identifier: Apache-2.0

import KeyService

/// The decisions of one cache shard: which answer a caller gets, when to ask the key server, what to store and what to
/// evict. No clock, no thread, no randomness, and no secret: time is an argument, actions are return values, and a
/// plaintext is the number of a place.
///
/// Rules, checked after each step of the simulation:
/// 1. An answer is what the key server answered to exactly this question, or a failure.
/// 2. No entry is served longer than ``ExpiryPolicy`` allows, and no expired one while a key server can be reached.
/// 3. A caller that asks after a purge gets no answer from before it.
/// 4. For each fingerprint, at most one request to the key server is in flight.
/// 5. A place belongs to one entry, from ``Completion/keep`` or ``Fill/keep(_:)`` until it is returned to be emptied,
///    or is given to another entry.
/// 6. Each caller gets one answer, unless it leaves before.
/// 7. A plaintext that differs from the cached one removes the cached one. It is neither stored nor returned until a
///    third answer equals one of the two. If none does, callers get `.contradicted`; for ``ExpiryPolicy/any`` the
///    fingerprint is not cached and needs two equal answers. No contradicted plaintext is served after its expiry.
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

    /// An entry that may be served.
    struct CachedAnswer: Equatable {
        let place: Int
        let byteCount: Int
        /// The time since the request by which the key server last confirmed it.
        let age: TimeSpan
        let isStale: Bool
    }

    enum Lookup: Equatable {
        /// If `renews`, the caller must ask the key server again and call ``complete(_:_:at:isOutOfReach:)`` with the
        /// answer.
        case cached(CachedAnswer, renews: Bool)
        case none
    }

    /// Looks up an entry that may be served.
    ///
    /// - Parameters:
    ///   - name: nil if the caller cannot renew; an entry due for renewal is then not returned.
    ///   - isOutOfReach: whether no key server can be reached. Called only if the answer depends on it.
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

    /// Cancels the renewal that a lookup has just begun.
    mutating func cancelRenewal(_ fingerprint: Fingerprint) {
        let flight = self.flights.end(fingerprint)
        precondition(flight.isRenewal && flight.callers.isEmpty, "only a renewal without callers can be cancelled")
        self.renewals.ended()
    }

    // MARK: Asking

    enum Ask: Equatable {
        /// As ``Lookup/cached(_:renews:)``.
        case cached(CachedAnswer, renews: Bool)
        /// The caller waits for the answer of the current flight.
        case wait
        /// The caller waits for the answer of a new flight; ask the key server.
        case begin
    }

    /// Returns an entry that may be served; otherwise registers the caller with a flight.
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

    /// Removes a caller that no longer waits.
    mutating func leave(_ fingerprint: Fingerprint, _ caller: Caller) { self.flights.leave(fingerprint, caller) }

    // MARK: Entries

    enum Fill: Equatable {
        /// Store the plaintext in this place, replacing its contents; nil: do not store it.
        case keep(Int?)
        /// The plaintext contradicts the cached one, which was removed; empty its place. The fingerprint is not cached
        /// for a while, unless ``confirm(_:)`` is called.
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

    /// Another endpoint has confirmed a plaintext that contradicted the cached one. It may be cached again.
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

    /// Maximum length of a cached plaintext. Data keys have 32 bytes.
    static var byteCountMax: Int { 64 }

    mutating func remove(at place: Int) {
        self.entriesByKey.leave(self.table[place].stamp)
        self.table.remove(at: place)
    }

    // MARK: Statistics

    var statistics: CacheStatistics {
        var statistics = self.counts
        statistics.entries = self.entriesByKey.liveCount
        statistics.capacity = self.table.capacity
        return statistics
    }

    /// Entries, live or purged, whose places are not empty.
    var placesInUse: Int { self.table.count }

    /// Requests to the key server in flight.
    var flightCount: Int { self.flights.count }
}
