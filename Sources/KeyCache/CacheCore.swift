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
/// 5. A place belongs to one entry, from ``Landing/keep`` or ``Fill/keep(_:)`` until it is returned
///    to be emptied, or is given to another.
/// 6. Each caller gets one answer, unless he leaves before.
/// 7. A plaintext that differs from the cached one removes the cached one and is neither cached nor returned until a third
///    answer equals one of the two. If none does, callers get `.contradicted`, and for ``ExpiryPolicy/any`` the fingerprint
///    is not cached and needs two equal answers. No contradicted plaintext is served stale.
struct CacheCore<Caller: Equatable & Sendable>: ~Copyable {
    private let policy: ExpiryPolicy
    private let useGranularity: TimeSpan
    var table: EntryTable
    var ledger = EntriesByKey()
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
    struct Held: Equatable {
        let place: Int
        let byteCount: Int
        /// Since the key server was asked that last vouched for it.
        let age: TimeSpan
        let isStale: Bool
    }

    enum Lookup: Equatable {
        /// If it renews, the key server is to be asked again, and ``land(_:_:at:isOutOfReach:)`` called with the answer.
        case held(Held, renews: Bool)
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
        guard self.ledger.isLive(self.table[place].stamp) else { return .none }
        let age = now - self.table[place].vouchedAt
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
            return .held(Held(place: place, byteCount: byteCount, age: age, isStale: false), renews: renews)
        case .stale:
            guard isOutOfReach() else { return .none }
            self.counts.stale += 1
            self.table.countUse(at: place)
            return .held(Held(place: place, byteCount: byteCount, age: age, isStale: true), renews: false)
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
    mutating func callOffRenewal(_ fingerprint: Fingerprint) {
        let flight = self.flights.end(fingerprint)
        precondition(flight.isRenewal && flight.callers.isEmpty, "a flight that somebody waits for")
        self.renewals.ended()
    }

    // MARK: Asking

    enum Ask: Equatable {
        /// As ``Lookup/held(_:renews:)``.
        case held(Held, renews: Bool)
        /// The caller is told when an answer comes.
        case wait
        /// He is told likewise, but first the key server is to be asked.
        case begin
    }

    /// Has a caller wait for an answer, unless one is at hand.
    mutating func ask(
        _ fingerprint: Fingerprint, of name: KeyName, _ caller: Caller, at now: BootTime, isOutOfReach: () -> Bool
    ) -> Ask {
        if case .held(let held, let renews) = self.lookUp(fingerprint, of: name, at: now, isOutOfReach: isOutOfReach) {
            return .held(held, renews: renews)
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

    // MARK: Answers

    /// How a new plaintext compares with what is known of its fingerprint.
    enum Agreement: Equatable {
        /// There is nothing to compare it with.
        case unopposed
        /// It equals the cached plaintext or, after a contradiction, one of the two that contradict each other.
        case same
        case different
    }

    enum Outcome: Equatable {
        case opened(byteCount: Int, Agreement, by: EndpointIndex?)
        case failed(KeyServiceError)
    }

    /// The entry that a new plaintext must be compared with before ``land(_:_:at:isOutOfReach:)`` or
    /// ``fill(_:_:byteCount:agreement:by:askedAt:at:)``: any that was not purged, however old.
    func entry(comparableWith fingerprint: Fingerprint) -> (place: Int, byteCount: Int, endpoint: EndpointIndex?)? {
        guard let place = self.table.place(of: fingerprint), self.ledger.isLive(self.table[place].stamp) else {
            return nil
        }
        return (place, Int(self.table[place].byteCount), self.table[place].endpoint)
    }

    /// What is to be done about an answer.
    struct Landing {
        enum Answer: Equatable {
            /// What the key server said.
            case outcome
            /// What a place holds, since the key server said nothing.
            case held(Held)
            /// Nothing yet: the plaintext contradicts the cached one. The key server is to be asked once more, preferably
            /// at another endpoint, and ``CacheCore/land(_:_:at:isOutOfReach:)`` called with that answer.
            case contradiction
            /// `.contradicted`: no two of three answers agree.
            case undecided
        }

        let answer: Answer
        /// Who is to be told.
        let callers: [Caller]
        /// Whether the first of them asked first, and the others joined. If not, all joined a renewal.
        let firstAsked: Bool
        /// When the key server was asked.
        let askedAt: BootTime
        /// Where to keep the plaintext, whatever is there.
        let keep: Int?
        /// Which place to empty.
        let empty: Int?
        /// Whether the key server is to be asked again, for those who came after a purge.
        let asksAgain: Bool
    }

    /// The key server has answered, or failed to.
    ///
    /// A key that it does not have or does not let us use is purged; where a key is asked for in several shares, the
    /// others are to purge it too before anybody is told.
    mutating func land(
        _ fingerprint: Fingerprint, _ outcome: Outcome, at now: BootTime, isOutOfReach: () -> Bool
    ) -> Landing {
        let flight = self.flights.end(fingerprint)
        if case .opened(_, let agreement, _) = outcome, !flight.isContradicted {
            if agreement == .different { return self.contradict(fingerprint, flight, at: now) }
            if self.contradicted.contains(fingerprint, at: now) { return self.suspect(fingerprint, flight, at: now) }
        }
        var keep: Int?
        var empty: Int?
        var answer = Landing.Answer.outcome
        if flight.isContradicted, !outcome.isAgreement {
            self.contradicted.insert(fingerprint, at: now)
            if !outcome.isRefusalOfKey { answer = .undecided }
        }
        switch outcome {
        case _ where answer == .undecided:
            break
        case .opened(let byteCount, _, let endpoint):
            if flight.isContradicted, !flight.isSuspect { self.contradicted.remove(fingerprint) }
            keep = self.place(for: fingerprint, flight, byteCount: byteCount, by: endpoint, at: now)
        case .failed(.keyNotFound), .failed(.notAllowed):
            self.condemn(flight.name)
        case .failed(.decryptionFailed):
            // It was another key's, deleted and created anew.
            empty = self.table.place(of: fingerprint)
            if let empty {
                if self.ledger.isLive(self.table[empty].stamp) { self.counts.evictions.purged += 1 }
                self.remove(at: empty)
            }
        case .failed(.unavailable), .failed(.timedOut):
            let held = self.lookUpStale(fingerprint, at: now, isOutOfReach: isOutOfReach)
            if let held {
                answer = .held(held)
                self.counts.stale += flight.callers.count
            }
        case .failed(.keyExists), .failed(.notSupported), .failed(.unsupportedAlgorithm), .failed(.hmacNotSupported),
            .failed(.overloaded), .failed(.outOfMemory), .failed(.internalFailure), .failed(.contradicted):
            break
        }
        if flight.isRenewal { self.countRenewal(answer == .undecided ? .failed(.contradicted) : outcome) }
        let asksAgain = !flight.successors.isEmpty
        if asksAgain {
            self.counts.misses += 1
            self.flights.begin(
                fingerprint,
                SingleFlight.Flight(name: flight.name, startedAt: now, isRenewal: false, callers: flight.successors))
        }
        return Landing(
            answer: answer, callers: flight.callers, firstAsked: !flight.isRenewal, askedAt: flight.startedAt,
            keep: keep, empty: empty, asksAgain: asksAgain)
    }

    private mutating func countRenewal(_ outcome: Outcome) {
        self.renewals.ended()
        switch outcome {
        case .opened: self.counts.renewals.succeeded += 1
        case .failed(.keyNotFound), .failed(.notAllowed), .failed(.decryptionFailed): self.counts.renewals.refused += 1
        case .failed: self.counts.renewals.failed += 1
        }
    }

    private func lookUpStale(
        _ fingerprint: Fingerprint, at now: BootTime, isOutOfReach: () -> Bool
    ) -> Held? {
        guard let place = self.table.place(of: fingerprint), self.ledger.isLive(self.table[place].stamp) else {
            return nil
        }
        let age = now - self.table[place].vouchedAt
        let freshness = self.policy.freshness(age: age, idle: now - self.table[place].usedAt)
        guard freshness == .stale, isOutOfReach() else { return nil }
        return Held(place: place, byteCount: Int(self.table[place].byteCount), age: age, isStale: true)
    }

    private mutating func place(
        for fingerprint: Fingerprint, _ flight: SingleFlight<Caller>.Flight, byteCount: Int,
        by endpoint: EndpointIndex?,
        at now: BootTime
    ) -> Int? {
        guard !flight.isPurged else { return nil }
        // A contradiction has dropped the entry that was to be renewed.
        let isForNobody = flight.isRenewal && flight.callers.isEmpty && !flight.isContradicted
        let before = isForNobody ? self.table.place(of: fingerprint).map { self.table[$0].usedAt } : nil
        // What was evicted is not worth a renewal.
        if isForNobody, before == nil { return nil }
        let place = self.enter(
            fingerprint, flight.name, byteCount: byteCount, by: endpoint, askedAt: flight.startedAt, at: now)
        // To be renewed is not to be used.
        if let place, let before { self.table[place].usedAt = before }
        return place
    }

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

    private mutating func enter(
        _ fingerprint: Fingerprint, _ name: KeyName, byteCount: Int, by endpoint: EndpointIndex?, askedAt: BootTime,
        at now: BootTime
    ) -> Int? {
        guard byteCount <= Self.byteCountMax, now - askedAt <= self.policy.any,
            !self.contradicted.contains(fingerprint, at: now)
        else { return nil }
        if let place = self.table.place(of: fingerprint) {
            if !self.ledger.isLive(self.table[place].stamp) {
                self.ledger.leave(self.table[place].stamp)
                self.table[place].stamp = self.ledger.enter(name)
            }
            self.table[place].vouchedAt = askedAt
            self.table[place].usedAt = now
            self.table[place].byteCount = UInt8(byteCount)
            self.table[place].endpoint = endpoint
            return place
        }
        let stamp = self.ledger.enter(name)
        let (place, evicted) = self.table.insert(
            EntryTable.Entry(
                fingerprint, vouchedAt: askedAt, usedAt: now, stamp: stamp, byteCount: byteCount, endpoint: endpoint))
        if let evicted {
            if self.ledger.isLive(evicted.stamp) { self.counts.evictions.capacity += 1 }
            self.ledger.leave(evicted.stamp)
        }
        return place
    }

    /// The longest plaintext that is kept. Data keys have 32 bytes.
    static var byteCountMax: Int { 64 }

    mutating func remove(at place: Int) {
        self.ledger.leave(self.table[place].stamp)
        self.table.remove(at: place)
    }

    // MARK: Purging

    /// From now on no entry answers that there is, and no answer is kept that is on its way.
    ///
    /// - Parameter name: whose entries; nil for all keys'.
    /// - Returns: how many there were, and which places to empty at once: all, if nothing that answers is left. Else
    ///   theirs are yet to be swept.
    mutating func purge(_ name: KeyName?) -> (count: Int, empty: Range<Int>) {
        let count = self.condemn(name)
        guard count > 0, self.ledger.liveCount == 0 else { return (count, 0..<0) }
        let all = 0..<self.table.placeCount
        self.table.removeAll()
        self.ledger.leaveAll()
        return (count, all)
    }

    /// The same with all places yet to be swept.
    @discardableResult private mutating func condemn(_ name: KeyName?) -> Int {
        self.flights.purge(name)
        let count = name.map { self.ledger.purge($0) } ?? self.ledger.purgeAll()
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
            let isLive = self.ledger.isLive(self.table[place].stamp)
            let age = now - self.table[place].vouchedAt
            let idle = now - self.table[place].usedAt
            guard !isLive || self.policy.freshness(age: age, idle: idle) == .expired else { continue }
            if isLive { self.counts.evictions.expired += 1 }
            self.remove(at: place)
            empty.append(place)
        }
        return (empty, end == self.table.placeCount ? nil : end)
    }

    /// Whether entries were purged whose places are not empty yet.
    var hasPurgedEntries: Bool { self.ledger.purgedCount > 0 }

    // MARK: What is told

    var statistics: CacheStatistics {
        var statistics = self.counts
        statistics.entries = self.ledger.liveCount
        statistics.capacity = self.table.capacity
        return statistics
    }

    /// Entries, live or purged, whose places are not empty.
    var placesInUse: Int { self.table.count }

    /// Questions that the key server is being asked.
    var flightCount: Int { self.flights.count }
}
