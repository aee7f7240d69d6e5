// SPDX-License-Identifier: Apache-2.0

/// Fingerprints for which key servers returned different plaintexts without a majority. Their answers are not cached
/// for a while.
///
/// Not thread-safe: its ``CacheCore`` owns it. Every operation is O(1), amortised.
struct ContradictedFingerprints {
    /// Beyond it, the oldest fingerprint is removed.
    private let countMax: Int
    private let duration: TimeSpan
    private var expiry: [Fingerprint: BootTime] = [:]
    /// In order of expiry. A fingerprint that was added again is in it twice; only the later one counts.
    private var queue: ArraySlice<(fingerprint: Fingerprint, until: BootTime)> = []

    /// - Parameters:
    ///   - countMax: bounds the memory that contradicting key servers can consume.
    ///   - duration: how long a fingerprint stays.
    init(countMax: Int, duration: TimeSpan) {
        self.countMax = countMax
        self.duration = duration
    }

    func contains(_ fingerprint: Fingerprint, at now: BootTime) -> Bool {
        guard !self.expiry.isEmpty, let until = self.expiry[fingerprint] else { return false }
        return now < until
    }

    mutating func insert(_ fingerprint: Fingerprint, at now: BootTime) {
        let until = now + self.duration
        self.expiry[fingerprint] = until
        self.queue.append((fingerprint, until))
        while let first = self.queue.first, first.until <= now || self.queue.count > self.countMax {
            self.queue.removeFirst()
            if self.expiry[first.fingerprint] == first.until { self.expiry[first.fingerprint] = nil }
        }
    }

    /// Two answers agree after all.
    mutating func remove(_ fingerprint: Fingerprint) {
        if !self.expiry.isEmpty { self.expiry[fingerprint] = nil }
    }
}
