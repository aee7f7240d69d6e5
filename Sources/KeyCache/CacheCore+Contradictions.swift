// SPDX-License-Identifier: Apache-2.0

import KeyService

/// What is decided when a new plaintext contradicts the cached one.
extension CacheCore {
    /// Drops the cached plaintext and has the flight go on.
    mutating func contradict(
        _ fingerprint: Fingerprint, _ flight: consuming SingleFlight<Caller>.Flight, at now: BootTime
    ) -> Completion {
        self.asksAgain(fingerprint, flight, at: now, empty: self.dropContradicted(fingerprint))
    }

    /// Has the flight go on, since one answer is not enough after a contradiction that no majority has ended.
    mutating func suspect(
        _ fingerprint: Fingerprint, _ flight: consuming SingleFlight<Caller>.Flight, at now: BootTime
    ) -> Completion {
        flight.isSuspect = true
        return self.asksAgain(fingerprint, flight, at: now, empty: nil)
    }

    private mutating func asksAgain(
        _ fingerprint: Fingerprint, _ flight: consuming SingleFlight<Caller>.Flight, at now: BootTime, empty: Int?
    ) -> Completion {
        let askedAt = flight.startedAt
        let isRenewal = flight.isRenewal
        flight.startedAt = now
        flight.isContradicted = true
        self.flights.begin(fingerprint, flight)
        return Completion(
            answer: .contradiction, callers: [], firstAsked: !isRenewal, askedAt: askedAt, keep: nil, empty: empty,
            asksAgain: false)
    }

    /// - Returns: the place to empty.
    mutating func dropContradicted(_ fingerprint: Fingerprint) -> Int? {
        self.counts.contradictions += 1
        guard let place = self.table.place(of: fingerprint) else { return nil }
        if self.entriesByKey.isLive(self.table[place].stamp) { self.counts.evictions.contradicted += 1 }
        self.remove(at: place)
        return place
    }
}

extension CacheCore.Outcome {
    /// Whether the plaintext equals one that came before.
    var isAgreement: Bool {
        switch self {
        case .opened(_, let agreement, _): agreement == .same
        case .failed: false
        }
    }

    /// Whether the key server does not have the key or does not permit its use, whatever the plaintext.
    var isRefusalOfKey: Bool {
        switch self {
        case .failed(.keyNotFound), .failed(.notAllowed): true
        case .opened, .failed: false
        }
    }
}
