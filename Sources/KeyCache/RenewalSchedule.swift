// SPDX-License-Identifier: Apache-2.0

/// Decides when an entry in use is renewed before it expires, and limits the rate of renewals.
///
/// The first use after an entry is due renews it. That use supplies the ciphertext, so entries need not store it, and
/// unused entries are not renewed. Entries are due at different ages, from 3/4 to 9/10 of their lifetime, by their
/// fingerprint. So entries that were cached together, as after a start, are not renewed together.
struct RenewalSchedule {
    /// Maximum number of renewals in flight.
    private let inFlightMax: Int
    /// Average interval between renewals, and the burst above it.
    private let spacing: TimeSpan
    private let burst: TimeSpan
    private var inFlight = 0
    /// When the renewals admitted so far would be over at the average rate.
    private var spentUntil: BootTime?

    /// - Parameter capacity: of the cache. All of it can be renewed within half of `any`.
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

    /// Admits a renewal if the limits allow it. ``ended()`` must follow.
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
