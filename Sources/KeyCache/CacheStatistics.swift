// SPDX-License-Identifier: Apache-2.0

/// What a cache has done, as metrics and status tell it. Counts since the start.
package struct CacheStatistics: Equatable, Sendable {
    /// Answers that were at hand.
    package var hits = 0
    /// Questions that the key server was asked for somebody.
    package var misses = 0
    /// Answers to what somebody else had asked.
    package var coalesced = 0
    /// Answers of entries that nobody could vouch for any more.
    package var stale = 0
    /// Refusals of keys that were known not to be there.
    package var absent = 0
    /// Answers with another plaintext than the cached one for the same ciphertext.
    package var contradictions = 0
    package var renewals = Renewals()
    package var evictions = Evictions()
    /// Data keys that could answer now.
    package var entries = 0
    package var capacity = 0

    package struct Renewals: Equatable, Sendable {
        package var succeeded = 0
        /// The key server said no.
        package var refused = 0
        /// It said nothing of use.
        package var failed = 0
    }

    /// Entries that went, by the reason.
    package struct Evictions: Equatable, Sendable {
        package var capacity = 0
        package var expired = 0
        package var purged = 0
        /// Another plaintext came for the same ciphertext.
        package var contradicted = 0
    }

    package init() {}

    package static func += (left: inout Self, right: Self) {
        left.hits += right.hits
        left.misses += right.misses
        left.coalesced += right.coalesced
        left.stale += right.stale
        left.absent += right.absent
        left.contradictions += right.contradictions
        left.renewals.succeeded += right.renewals.succeeded
        left.renewals.refused += right.renewals.refused
        left.renewals.failed += right.renewals.failed
        left.evictions.capacity += right.evictions.capacity
        left.evictions.expired += right.evictions.expired
        left.evictions.purged += right.evictions.purged
        left.evictions.contradicted += right.evictions.contradicted
        left.entries += right.entries
        left.capacity += right.capacity
    }
}
