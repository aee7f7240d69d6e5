// SPDX-License-Identifier: Apache-2.0

import KeyService

/// How the core handles a new plaintext that contradicts the cached one.
extension CacheCore {
    /// Removes the cached plaintext and continues the flight.
    mutating func contradict(
        _ fingerprint: Fingerprint, _ flight: consuming SingleFlight<Caller>.Flight, at now: BootTime
    ) -> Completion {
        self.asksAgain(fingerprint, flight, at: now, empty: self.dropContradicted(fingerprint))
    }

    /// Continues the flight: after an undecided contradiction, one answer is not enough.
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
    /// Whether the plaintext equals an earlier one.
    var isAgreement: Bool {
        switch self {
        case .opened(_, let agreement, _): agreement == .same
        case .failed: false
        }
    }

    /// Whether the key server reports that the key does not exist or may not be used.
    var isRefusalOfKey: Bool {
        switch self {
        case .failed(.keyNotFound), .failed(.notAllowed): true
        case .opened, .failed: false
        }
    }
}
