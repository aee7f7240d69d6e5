// SPDX-License-Identifier: Apache-2.0

import KeyService

/// How the core processes answers of the key server.
extension CacheCore {
    /// The comparison of a new plaintext with what the cache knows about its fingerprint.
    enum Agreement: Equatable {
        /// Nothing to compare with.
        case unopposed
        /// It equals the cached plaintext or, after a contradiction, one of the two contradicting plaintexts.
        case same
        case different
    }

    enum Outcome: Equatable {
        case opened(byteCount: Int, Agreement, by: EndpointIndex?)
        case failed(KeyServiceError)
    }

    /// The entry that a new plaintext must be compared with before ``complete(_:_:at:isOutOfReach:)`` or
    /// ``fill(_:_:byteCount:agreement:by:askedAt:at:)``: any entry that was not purged, regardless of its age.
    func entry(comparableWith fingerprint: Fingerprint) -> (place: Int, byteCount: Int, endpoint: EndpointIndex?)? {
        guard let place = self.table.place(of: fingerprint), self.entriesByKey.isLive(self.table[place].stamp) else {
            return nil
        }
        return (place, Int(self.table[place].byteCount), self.table[place].endpoint)
    }

    /// What the caller of ``CacheCore/complete(_:_:at:isOutOfReach:)`` must do.
    struct Completion {
        enum Answer: Equatable {
            /// Pass on the key server's answer.
            case outcome
            /// Serve this cached answer, because the key server gave none.
            case cached(CachedAnswer)
            /// No answer yet: the plaintext contradicts the cached one. Ask the key server once more, preferably
            /// another endpoint, and call ``CacheCore/complete(_:_:at:isOutOfReach:)`` with that answer.
            case contradiction
            /// Fail with `.contradicted`: no two of three answers agree.
            case undecided
        }

        let answer: Answer
        /// The callers that get the answer.
        let callers: [Caller]
        /// Whether the first caller began the flight and the others joined it. If not, all joined a renewal.
        let firstAsked: Bool
        /// When the key server was asked.
        let askedAt: BootTime
        /// The place to store the plaintext in, replacing its contents.
        let keep: Int?
        /// The place to empty.
        let empty: Int?
        /// Whether to ask the key server again, for callers that came after a purge.
        let asksAgain: Bool
    }

    /// Processes an answer of the key server, or a failure to get one.
    ///
    /// A missing or forbidden key is purged. The caller must purge it in the other shards too, before any caller
    /// resumes.
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
            // The entry is of an earlier key of this name, which was deleted and created anew.
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
        // A contradiction has removed the entry that was to be renewed.
        let hasNoCaller = flight.isRenewal && flight.callers.isEmpty && !flight.isContradicted
        let before = hasNoCaller ? self.table.place(of: fingerprint).map { self.table[$0].usedAt } : nil
        // An evicted entry is not worth renewing.
        if hasNoCaller, before == nil { return nil }
        let place = self.enter(
            fingerprint, flight.name, byteCount: byteCount, by: endpoint, askedAt: flight.startedAt, at: now)
        // A renewal does not count as a use.
        if let place, let before { self.table[place].usedAt = before }
        return place
    }
}
