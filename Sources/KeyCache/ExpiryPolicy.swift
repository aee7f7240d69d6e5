// SPDX-License-Identifier: Apache-2.0

/// For how long an entry may answer. One pure function decides.
package struct ExpiryPolicy: Equatable, Sendable {
    /// Since the key server last vouched for the entry, counted from when it was asked. Above zero.
    package let any: TimeSpan
    /// Since the entry last answered. Zero: however long.
    package let unused: TimeSpan
    /// Past `any`, while nobody can be reached who could vouch for it. Zero: not at all.
    package let offline: TimeSpan

    package init(any: TimeSpan, unused: TimeSpan, offline: TimeSpan) {
        precondition(any > .zero && unused >= .zero && offline >= .zero)
        self.any = any
        self.unused = unused
        self.offline = offline
    }

    enum Freshness: Equatable {
        /// It answers.
        case fresh
        /// It answers only while nobody can be reached.
        case stale
        /// It never answers again.
        case expired
    }

    /// - Parameters:
    ///   - age: since the key server was asked that last vouched for the entry.
    ///   - idle: since the entry last answered, to within ``useGranularity``.
    func freshness(age: TimeSpan, idle: TimeSpan) -> Freshness {
        if age <= self.any, self.unused == .zero || idle <= self.unused { return .fresh }
        return self.offline > .zero && age <= self.any + self.offline ? .stale : .expired
    }

    /// How exactly the last use of an entry is known. Uses that follow each other more closely count as one: an object
    /// store opens a data key three to five times for one GET, which makes no object a popular one.
    var useGranularity: TimeSpan { self.unused == .zero ? .seconds(1) : min(.seconds(1), self.unused / 4) }
}
