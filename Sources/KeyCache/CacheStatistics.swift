// SPDX-License-Identifier: Apache-2.0

/// Counters of a cache since the start, for metrics and status.
package struct CacheStatistics: Equatable, Sendable {
    /// Answers from fresh entries.
    package var hits = 0
    /// Requests to the key server on behalf of a caller.
    package var misses = 0
    /// Callers that shared the answer of another caller's request.
    package var coalesced = 0
    /// Answers from expired entries while no key server could be reached.
    package var stale = 0
    /// Requests refused because the key was known not to exist.
    package var absent = 0
    /// Answers with a plaintext that differs from the cached one.
    package var contradictions = 0
    /// Renewals by outcome.
    package var renewals = Renewals()
    /// Entries removed, by reason.
    package var evictions = Evictions()
    /// Data keys that may be served.
    package var entries = 0
    /// Maximum number of data keys.
    package var capacity = 0

    /// Renewals by outcome.
    package struct Renewals: Equatable, Sendable {
        package var succeeded = 0
        /// The key server refused.
        package var refused = 0
        /// The key server gave no usable answer.
        package var failed = 0
    }

    /// Entries removed, by reason.
    package struct Evictions: Equatable, Sendable {
        package var capacity = 0
        package var expired = 0
        package var purged = 0
        /// Another plaintext arrived for the same ciphertext.
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
