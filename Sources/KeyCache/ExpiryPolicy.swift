// SPDX-License-Identifier: Apache-2.0

/// How long an entry may be served. One pure function decides.
package struct ExpiryPolicy: Equatable, Sendable {
    /// Maximum age, counted from the request by which the key server last confirmed the entry. Above zero.
    package let any: TimeSpan
    /// Maximum time without use. Zero: no limit.
    package let unused: TimeSpan
    /// Additional age while no key server can be reached. Zero: none.
    package let offline: TimeSpan

    package init(any: TimeSpan, unused: TimeSpan, offline: TimeSpan) {
        precondition(any > .zero && unused >= .zero && offline >= .zero)
        self.any = any
        self.unused = unused
        self.offline = offline
    }

    enum Freshness: Equatable {
        /// The entry may be served.
        case fresh
        /// The entry may be served only while no key server can be reached.
        case stale
        /// The entry may not be served any more.
        case expired
    }

    /// - Parameters:
    ///   - age: time since the request by which the key server last confirmed the entry.
    ///   - idle: time since the last use, with a resolution of ``useGranularity``.
    func freshness(age: TimeSpan, idle: TimeSpan) -> Freshness {
        if age <= self.any, self.unused == .zero || idle <= self.unused { return .fresh }
        return self.offline > .zero && age <= self.any + self.offline ? .stale : .expired
    }

    /// Resolution of the last use. Uses in closer succession count as one: an object store decrypts a data key three to
    /// five times for one GET, which does not make the object popular.
    var useGranularity: TimeSpan { self.unused == .zero ? .seconds(1) : min(.seconds(1), self.unused / 4) }
}
