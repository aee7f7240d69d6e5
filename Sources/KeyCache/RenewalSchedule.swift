// SPDX-License-Identifier: Apache-2.0

/// When an entry that is in use is to be renewed before it expires, and how many may be at a time.
///
/// The first use after an entry is due renews it: that use brings the question along, so entries need not keep theirs,
/// and what nobody uses is not renewed. Entries are due at different parts of their lives, from 3/4 to 9/10, as their
/// fingerprints have it: what came together, as after a start, does not come back together.
struct RenewalSchedule {
    /// At a time.
    private let inFlightMax: Int
    /// Between two on average, and how many may come at once.
    private let spacing: TimeSpan
    private let burst: TimeSpan
    private var inFlight = 0
    /// When all that were let through would have come one by one.
    private var spentUntil: BootTime?

    /// - Parameter capacity: of the cache. All of it can be renewed in half of `any`.
    init(capacity: Int, any: TimeSpan, inFlightMax: Int = 8) {
        self.inFlightMax = inFlightMax
        self.spacing = min(any / (2 * capacity), TimeSpan(nanoseconds: 100_000_000))
        self.burst = .seconds(1)
    }

    /// Whether an entry of this age is due.
    func isDue(_ fingerprint: Fingerprint, age: TimeSpan, any: TimeSpan) -> Bool {
        let share = any.nanoseconds / 20
        guard age.nanoseconds >= share * 15 else { return false }
        let lot = Int(fingerprint.high >> 56)
        return age.nanoseconds >= share * 15 + share * 3 / 256 * lot
    }

    /// Lets a renewal through, if it is not one too many. ``ended()`` is to follow.
    mutating func admit(at now: BootTime) -> Bool {
        guard self.inFlight < self.inFlightMax else { return false }
        let spentUntil = max(self.spentUntil ?? now, now) + self.spacing
        guard spentUntil - now <= self.burst else { return false }
        self.spentUntil = spentUntil
        self.inFlight += 1
        return true
    }

    mutating func ended() { self.inFlight -= 1 }
}
