// SPDX-License-Identifier: Apache-2.0

import KeyService

@testable import KeyCache

/// What `CachedKeyService` and `CacheShard` do around the core, step by step: what happens here in one call happens there
/// under one lock. Callers are numbers, secrets are places of a simulated vault, and the bugs are planted here.
final class SimulatedShell {
    let policy: ExpiryPolicy
    let planted: PlantedBug?
    var vault: SimulatedVault
    var pendingFills = PendingFills()
    var absentKeys = AbsentKeys()
    private(set) var absentCount = 0
    /// Answers for which there was no memory.
    private(set) var unopened = (fresh: 0, stale: 0)

    /// Nanoseconds since the machine started, and what somebody has set the clock on the wall to beside.
    var now = BootTime.seconds(1_000)
    var wallOffset = TimeSpan.zero
    var isOutOfReach = false
    var isSlow = false
    /// Whether there is no memory to hand out secrets in.
    var isExhausted = false

    private let shards: [Shard]
    private let referee: Referee
    private let fingerprinter = Fingerprinter(key: (low: 3, high: 4))
    private var generation: UInt64 = 1

    private final class Shard {
        var core: CacheCore<Int>
        let places: Range<Int>

        init(capacity: Int, policy: ExpiryPolicy, firstPlace: Int) {
            self.core = CacheCore(capacity: capacity, policy: policy)
            self.places = firstPlace..<firstPlace + capacity
        }
    }

    struct Asked {
        let question: SealedQuestion
        let fingerprint: Fingerprint
    }

    // What the planted bugs need.
    private var keptErrors: [Fingerprint: Ask] = [:]
    private var waiters: [Fingerprint: [Int]] = [:]
    private var leaders: [Fingerprint: Int] = [:]
    private var placesToEmpty: [Int] = []

    init(capacities: [Int], policy: ExpiryPolicy, planted: PlantedBug?, referee: Referee) {
        self.policy = policy
        self.planted = planted
        self.referee = referee
        self.vault = SimulatedVault(placeCount: capacities.reduce(0, +), referee: referee)
        var firstPlace = 0
        self.shards = capacities.map { capacity in
            defer { firstPlace += capacity }
            let isOff = planted == .shardsOverlap && firstPlace > 0
            return Shard(capacity: capacity, policy: policy, firstPlace: isOff ? firstPlace - 1 : firstPlace)
        }
    }

    var shardCount: Int { self.shards.count }

    var clock: BootTime { self.planted == .wallClock ? self.now + self.wallOffset : self.now }

    private var countsAsOutOfReach: Bool { self.isOutOfReach || self.planted == .staleWhileSlow && self.isSlow }

    func asked(_ question: SealedQuestion) -> Asked {
        let nothing: [UInt8] = []
        let fields = Array(question.name.description.utf8) + question.ciphertext + question.context
        let fingerprint =
            if self.planted == .noLengthPrefixes {
                self.fingerprinter.fingerprint(
                    generation: self.generation, name: .named("-"), ciphertext: fields.span,
                    associatedData: nothing.span)
            } else {
                self.fingerprinter.fingerprint(
                    generation: self.generation, name: question.name, ciphertext: question.ciphertext.span,
                    associatedData: question.context.span)
            }
        return Asked(question: question, fingerprint: fingerprint)
    }

    private func shard(of asked: Asked) -> Shard {
        self.shards[Int(truncatingIfNeeded: asked.fingerprint.high & 0xffff) % self.shards.count]
    }

    // MARK: Asking

    struct Hit {
        let cached: CacheCore<Int>.CachedAnswer
        let content: SimulatedVault.Content
        let renews: Bool
    }

    enum Ask {
        case hit(Hit)
        case wait(begins: Bool)
        /// A failure that was said to others.
        case kept(KeyServiceError, saidAt: Int, begunAt: Int)
    }

    func lookUp(_ asked: Asked) throws(KeyServiceError) -> Hit? {
        let shard = self.shard(of: asked)
        let isOutOfReach = self.countsAsOutOfReach
        switch shard.core.lookUp(
            asked.fingerprint, of: asked.question.name, at: self.clock, isOutOfReach: { isOutOfReach })
        {
        case .cached(let cached, let renews): return try self.find(cached, renews: renews, asked, in: shard)
        case .none: return nil
        }
    }

    func ask(_ asked: Asked, _ caller: Int) throws(KeyServiceError) -> Ask {
        let shard = self.shard(of: asked)
        let isOutOfReach = self.countsAsOutOfReach
        if let kept = self.keptErrors.removeValue(forKey: asked.fingerprint) { return kept }
        switch shard.core.ask(
            asked.fingerprint, of: asked.question.name, caller, at: self.clock, isOutOfReach: { isOutOfReach })
        {
        case .cached(let cached, let renews):
            return .hit(try self.find(cached, renews: renews, asked, in: shard))
        case .wait:
            self.waiters[asked.fingerprint, default: []].append(caller)
            return .wait(begins: false)
        case .begin:
            self.waiters[asked.fingerprint] = [caller]
            self.leaders[asked.fingerprint] = caller
            return .wait(begins: true)
        }
    }

    private func find(
        _ cached: CacheCore<Int>.CachedAnswer, renews: Bool, _ asked: Asked, in shard: Shard
    ) throws(KeyServiceError) -> Hit {
        guard let content = self.open(cached, asked, in: shard) else {
            if cached.isStale { self.unopened.stale += 1 } else { self.unopened.fresh += 1 }
            if renews, self.planted != .renewalIsNotCancelled { shard.core.cancelRenewal(asked.fingerprint) }
            throw .overloaded
        }
        return Hit(cached: cached, content: content, renews: renews)
    }

    private func open(
        _ cached: CacheCore<Int>.CachedAnswer, _ asked: Asked, in shard: Shard
    ) -> SimulatedVault.Content? {
        // To find no memory is a use all the same.
        let content = self.vault.open(
            shard.places.lowerBound + cached.place, for: asked.question, usedAt: cached.isStale ? nil : self.now)
        self.referee.rule(
            content == nil || content?.plaintext.byteCount == cached.byteCount,
            "\(asked.question) has changed its length"
        )
        return self.isExhausted ? nil : content
    }

    /// - Returns: whether the question is dropped with the caller, which it is not to be.
    func leave(_ asked: Asked, _ caller: Int) -> Bool {
        self.shard(of: asked).core.leave(asked.fingerprint, caller)
        self.waiters[asked.fingerprint]?.removeAll { $0 == caller }
        return self.planted == .leaderStrandsFollowers && self.leaders[asked.fingerprint] == caller
    }

    // MARK: Answers

    /// What the key server was asked, and when.
    struct Flight {
        let asked: Asked
        var startedAt: BootTime
        /// In the order of things.
        var begunAt: Int
        /// The two plaintexts between which the answer is to decide.
        var contradiction: Contradiction?
    }

    struct Said {
        let answer: Result<Plaintext, KeyServiceError>
        let endpoint: Int
    }

    struct Contradiction {
        /// Nil if no majority was found a while ago, so that one answer is not enough.
        let cached: Plaintext?
        let new: Plaintext
        let endpoints: [Int]
    }

    struct Completion {
        let answer: Result<Plaintext, KeyServiceError>
        /// What answers instead, unless there is no memory for it.
        let cached: Hit?
        /// Whether the core would have something else answer.
        let answersCached: Bool
        let callers: [Int]
        let firstAsked: Bool
        let askedAt: BootTime
        let asksAgain: Bool
        /// Between what the key server is to be asked to decide.
        let contradiction: Contradiction?
    }

    func complete(_ flight: Flight, _ reply: Said, completedAt: Int) -> Completion {
        let said = reply.answer
        let asked = flight.asked
        let shard = self.shard(of: asked)
        let isOutOfReach = self.countsAsOutOfReach
        let before = self.vault[asked.fingerprint]
        var (answer, begunAt) = (said, flight.begunAt)
        if self.planted == .renewalExtendsRevoked, let before, !before.isPurged, case .failure(let error) = said,
            error.isRefusal
        {
            (answer, begunAt) = (.success(before.plaintext), before.begunAt)
        }
        if case .failure(let error) = answer, error.isRefusalOfKey {
            _ = self.vault.purge(asked.question.name, in: shard.places)
        }
        let outcome: CacheCore<Int>.Outcome =
            switch answer {
            case .success(let plaintext):
                .opened(
                    byteCount: plaintext.byteCount, self.agreement(of: plaintext, flight, in: shard),
                    by: EndpointIndex(UInt16(reply.endpoint)))
            case .failure(let error): .failed(error)
            }
        let cachedEndpoint = shard.core.entry(comparableWith: asked.fingerprint)?.endpoint
        let completion = shard.core.complete(asked.fingerprint, outcome, at: self.clock, isOutOfReach: { isOutOfReach })
        answer = self.decide(completion, flight, answer)
        self.referee.rule(
            completion.askedAt == flight.startedAt || self.planted == .wallClock,
            "\(asked.question) was asked at another time than the core takes it to be")
        if case .success(let plaintext) = answer {
            let hasNoCaller = !completion.firstAsked && completion.callers.isEmpty
            if let keep = completion.keep {
                self.store(plaintext, flight, begunAt: begunAt, at: keep, in: shard, hasNoCaller ? before : nil)
            } else if self.planted == .flightSurvivesPurge {
                self.fill(flight, plaintext)
            }
        }
        if let empty = completion.empty { self.vault.empty(shard.places.lowerBound + empty) }
        var cached: Hit?
        if case .cached(let answer) = completion.answer {
            cached = self.open(answer, asked, in: shard)
                .map { Hit(cached: answer, content: $0, renews: false) }
        }
        let callers = self.planted == .successorsJoin ? self.waiters[asked.fingerprint] ?? [] : completion.callers
        self.waiters[asked.fingerprint] = nil
        self.leaders[asked.fingerprint] = nil
        if self.planted == .errorIsKept, callers.count > 1, case .failure(let error) = answer {
            self.keptErrors[asked.fingerprint] = .kept(error, saidAt: completedAt, begunAt: begunAt)
        }
        return Completion(
            answer: answer, cached: cached, answersCached: completion.answersCached, callers: callers,
            firstAsked: completion.firstAsked, askedAt: completion.askedAt, asksAgain: completion.asksAgain,
            contradiction: self.contradiction(
                completion, before, answer, [cachedEndpoint.map { Int($0.value) }, reply.endpoint]))
    }

    private func contradiction(
        _ completion: CacheCore<Int>.Completion, _ before: SimulatedVault.Content?,
        _ answer: Result<Plaintext, KeyServiceError>, _ endpoints: [Int?]
    ) -> Contradiction? {
        guard completion.answer == .contradiction, case .success(let new) = answer else { return nil }
        let cached = before.flatMap { $0.isPurged ? nil : $0.plaintext }
        return Contradiction(cached: cached, new: new, endpoints: endpoints.compactMap(\.self))
    }

    /// What `CacheShard` finds when it compares.
    private func agreement(of plaintext: Plaintext, _ flight: Flight, in shard: Shard) -> CacheCore<Int>.Agreement {
        if let contradiction = flight.contradiction {
            return [contradiction.cached, contradiction.new].contains(plaintext) ? .same : .different
        }
        return self.agreement(of: plaintext, flight.asked, in: shard)
    }

    private func agreement(of plaintext: Plaintext, _ asked: Asked, in shard: Shard) -> CacheCore<Int>.Agreement {
        let content = self.vault[asked.fingerprint].flatMap { $0.isPurged ? nil : $0 }
        let isComparable = shard.core.entry(comparableWith: asked.fingerprint) != nil
        self.referee.rule(
            isComparable == (content != nil), "\(asked.question) is compared with nothing, or not with what is there")
        guard let content else { return .unopposed }
        return content.plaintext == plaintext || self.planted == .contradictionUnnoticed ? .same : .different
    }

    /// What callers are told in the key server's place after a contradiction.
    private func decide(
        _ completion: CacheCore<Int>.Completion, _ flight: Flight, _ said: Result<Plaintext, KeyServiceError>
    ) -> Result<Plaintext, KeyServiceError> {
        guard let contradiction = flight.contradiction else { return said }
        guard completion.answer == .undecided else {
            guard self.planted == .minorityWins, case .success(let plaintext) = said else { return said }
            return .success(plaintext == contradiction.cached ? contradiction.new : contradiction.cached ?? plaintext)
        }
        if self.planted == .undecidedIsCached { self.confirm(flight.asked) }
        if self.planted == .contradictedIsServedStale, case .failure = said {
            return .success(contradiction.cached ?? contradiction.new)
        }
        return .failure(.contradicted)
    }

    func confirm(_ asked: Asked) { self.shard(of: asked).core.confirm(asked.fingerprint) }

    /// - Parameter before: what is renewed for nobody.
    private func store(
        _ plaintext: Plaintext, _ flight: Flight, begunAt: Int, at place: Int, in shard: Shard,
        _ before: SimulatedVault.Content? = nil
    ) {
        self.vault.store(
            SimulatedVault.Content(
                question: flight.asked.question, fingerprint: flight.asked.fingerprint, plaintext: plaintext,
                askedAt: flight.startedAt, begunAt: begunAt, answeredAt: before?.answeredAt ?? self.now),
            at: shard.places.lowerBound + place)
    }

    /// - Returns: whether the plaintext contradicts the cached one.
    @discardableResult private func fill(_ flight: Flight, _ plaintext: Plaintext) -> Bool {
        let shard = self.shard(of: flight.asked)
        let askedAt = self.planted == .ageFromAnswer ? self.now : flight.startedAt
        let offset = self.clock - self.now
        let fill = shard.core.fill(
            flight.asked.fingerprint, flight.asked.question.name, byteCount: plaintext.byteCount,
            agreement: self.agreement(of: plaintext, flight.asked, in: shard), by: nil, askedAt: askedAt + offset,
            at: self.clock)
        switch fill {
        case .keep(let place):
            if let place { self.store(plaintext, flight, begunAt: flight.begunAt, at: place, in: shard) }
            return false
        case .contradiction(let empty):
            if let empty { self.vault.empty(shard.places.lowerBound + empty) }
            return true
        }
    }

    /// Keeps a new data key, unless it was purged meanwhile.
    ///
    /// - Returns: whether it contradicts the cached one.
    func keep(
        _ question: SealedQuestion, _ plaintext: Plaintext, startedAt: BootTime, begunAt: Int, _ fill: PendingFills.ID
    ) -> Bool {
        let asked = self.asked(question)
        guard self.pendingFills.end(fill) || self.planted == .fillSurvivesPurge else { return false }
        return self.fill(Flight(asked: asked, startedAt: startedAt, begunAt: begunAt), plaintext)
    }

    // MARK: What is known of keys

    func checkPresence(of name: KeyName) throws(KeyServiceError) {
        guard self.absentKeys.contains(name, at: self.clock) else { return }
        self.absentCount += 1
        throw .keyNotFound
    }

    func noteAbsence(of name: KeyName, askedAt: BootTime, _ snapshot: AbsentKeys.Snapshot) {
        let snapshot = self.planted == .absenceOutlivesCreation ? self.absentKeys.snapshot : snapshot
        self.absentKeys.insert(name, askedAt: askedAt, snapshot, at: self.clock)
    }

    func changeGeneration() {
        if self.planted == .identityUnnoticed { return }
        self.generation += 1
        self.absentKeys.removeAll()
    }

    // MARK: Purging

    func purge(_ name: KeyName?, shard: Int) {
        let expected = self.vault.purge(name, in: self.shards[shard].places)
        let core = self.shards[shard]
        let (count, empty) = core.core.purge(name)
        self.referee.rule(count == expected, "\(count) entries were purged where there were \(expected)")
        self.empty(empty.map { core.places.lowerBound + $0 }.filter { self.vault.places[$0] != nil })
    }

    /// - Returns: where the next part starts; nil if there is none.
    func sweep(shard: Int, from start: Int, budget: Int) -> Int? {
        let core = self.shards[shard]
        let (empty, next) = core.core.sweep(from: start, budget, at: self.clock)
        self.empty(empty.map { core.places.lowerBound + $0 })
        return next
    }

    private func empty(_ places: [Int]) {
        for place in places {
            if self.planted == .placeIsEmptiedLate {
                self.placesToEmpty.append(place)
                continue
            }
            self.checkHasEnded(place)
            self.vault.empty(place)
        }
    }

    private func checkHasEnded(_ place: Int) {
        guard let content = self.vault.places[place], !content.isPurged else { return }
        // Idle is measured up to so much too long.
        let idle = self.now - content.answeredAt + self.policy.useGranularity
        let age = self.now - content.askedAt
        self.referee.rule(
            self.policy.freshness(age: age, idle: idle) == .expired || self.planted == .wallClock,
            "\(content.question) is swept that may still answer")
    }

    func hasPurgedEntries(shard: Int) -> Bool {
        self.planted != .purgeLeavesPlaces && self.shards[shard].core.hasPurgedEntries
    }

    func emptyLatePlaces() {
        for place in self.placesToEmpty where self.vault.places[place] != nil { self.vault.empty(place) }
        self.placesToEmpty = []
    }

    // MARK: What is told

    var statistics: CacheStatistics {
        var statistics = self.shards.reduce(into: CacheStatistics()) { $0 += $1.core.statistics }
        statistics.absent = self.absentCount
        return statistics
    }

    var placesInUse: Int { self.shards.reduce(0) { $0 + $1.core.placesInUse } }
    var flightCount: Int { self.shards.reduce(0) { $0 + $1.core.flightCount } }
}

extension KeyServiceError {
    /// The key server does not let us use a key, or does not have it.
    var isRefusalOfKey: Bool { self == .keyNotFound || self == .notAllowed }

    /// As ``isRefusalOfKey``, or the key does not open this.
    var isRefusal: Bool { self.isRefusalOfKey || self == .decryptionFailed }
}

extension CacheCore<Int>.Completion {
    fileprivate var answersCached: Bool { if case .cached = self.answer { true } else { false } }
}
