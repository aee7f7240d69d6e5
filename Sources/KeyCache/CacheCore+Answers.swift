// SPDX-License-Identifier: Apache-2.0

import KeyService

/// What the core does with the key server's answers.
extension CacheCore {
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

    /// The entry that a new plaintext must be compared with before ``complete(_:_:at:isOutOfReach:)`` or
    /// ``fill(_:_:byteCount:agreement:by:askedAt:at:)``: any that was not purged, however old.
    func entry(comparableWith fingerprint: Fingerprint) -> (place: Int, byteCount: Int, endpoint: EndpointIndex?)? {
        guard let place = self.table.place(of: fingerprint), self.entriesByKey.isLive(self.table[place].stamp) else {
            return nil
        }
        return (place, Int(self.table[place].byteCount), self.table[place].endpoint)
    }

    /// What is to be done about an answer.
    struct Completion {
        enum Answer: Equatable {
            /// What the key server said.
            case outcome
            /// What a place holds, since the key server said nothing.
            case cached(CachedAnswer)
            /// Nothing yet: the plaintext contradicts the cached one. The key server is to be asked once more, preferably
            /// at another endpoint, and ``CacheCore/complete(_:_:at:isOutOfReach:)`` called with that answer.
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
    mutating func complete(
        _ fingerprint: Fingerprint, _ outcome: Outcome, at now: BootTime, isOutOfReach: () -> Bool
    ) -> Completion {
        let flight = self.flights.end(fingerprint)
        if case .opened(_, let agreement, _) = outcome, !flight.isContradicted {
            if agreement == .different { return self.contradict(fingerprint, flight, at: now) }
            if self.contradicted.contains(fingerprint, at: now) { return self.suspect(fingerprint, flight, at: now) }
        }
        var keep: Int?
        var empty: Int?
        var answer = Completion.Answer.outcome
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
            self.markPurged(flight.name)
        case .failed(.decryptionFailed):
            // It was another key's, deleted and created anew.
            empty = self.table.place(of: fingerprint)
            if let empty {
                if self.entriesByKey.isLive(self.table[empty].stamp) { self.counts.evictions.purged += 1 }
                self.remove(at: empty)
            }
        case .failed(.unavailable), .failed(.timedOut):
            let cached = self.lookUpStale(fingerprint, at: now, isOutOfReach: isOutOfReach)
            if let cached {
                answer = .cached(cached)
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
        return Completion(
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
    ) -> CachedAnswer? {
        guard let place = self.table.place(of: fingerprint), self.entriesByKey.isLive(self.table[place].stamp) else {
            return nil
        }
        let age = now - self.table[place].confirmedAt
        let freshness = self.policy.freshness(age: age, idle: now - self.table[place].usedAt)
        guard freshness == .stale, isOutOfReach() else { return nil }
        return CachedAnswer(place: place, byteCount: Int(self.table[place].byteCount), age: age, isStale: true)
    }

    private mutating func place(
        for fingerprint: Fingerprint, _ flight: SingleFlight<Caller>.Flight, byteCount: Int,
        by endpoint: EndpointIndex?,
        at now: BootTime
    ) -> Int? {
        guard !flight.isPurged else { return nil }
        // A contradiction has dropped the entry that was to be renewed.
        let hasNoCaller = flight.isRenewal && flight.callers.isEmpty && !flight.isContradicted
        let before = hasNoCaller ? self.table.place(of: fingerprint).map { self.table[$0].usedAt } : nil
        // What was evicted is not worth a renewal.
        if hasNoCaller, before == nil { return nil }
        let place = self.enter(
            fingerprint, flight.name, byteCount: byteCount, by: endpoint, askedAt: flight.startedAt, at: now)
        // To be renewed is not to be used.
        if let place, let before { self.table[place].usedAt = before }
        return place
    }
}
