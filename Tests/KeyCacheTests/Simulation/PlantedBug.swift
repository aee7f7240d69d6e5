// SPDX-License-Identifier: Apache-2.0

/// Faults that the shell of the simulation has on demand, to see that the rules find them.
enum PlantedBug: CaseIterable {
    /// A data key that was generated before a purge is kept after it.
    case fillSurvivesPurge
    /// What was asked before a purge is kept after it.
    case flightSurvivesPurge
    /// Who came after a purge is told what was asked before it.
    case successorsJoin
    /// Name, ciphertext and associated data are hashed in a row.
    case noLengthPrefixes
    /// A failure that several waited for is handed to the next who asks, too.
    case errorIsKept
    /// A renewal that the key server refuses vouches for the entry.
    case renewalExtendsRevoked
    /// A place is wiped after the lock was given up, when it may be another's.
    case placeIsEmptiedLate
    /// The last place of a shard is the first of the next.
    case shardsOverlap
    /// Purged entries stay in their places.
    case purgeLeavesPlaces
    /// A key server that is slow counts as one that nobody reaches.
    case staleWhileSlow
    /// When the one who asked first gives up, so does the question.
    case leaderStrandsFollowers
    /// A clock that somebody sets.
    case wallClock
    /// An entry's age counts from the answer.
    case ageFromAnswer
    /// Another identity gets what the one before it was told.
    case identityUnnoticed
    /// A refusal is told before the other shards have heard of it.
    case refusalIsToldFirst
    /// A key that was created meanwhile counts as absent.
    case absenceOutlivesCreation
    /// A hit for which there is no memory leaves a renewal behind that nobody flies.
    case renewalIsNotCancelled
    /// A renewal that brings another plaintext replaces the cached one.
    case contradictionUnnoticed
    /// A contradicted plaintext is served while no key server can be reached to decide.
    case contradictedIsServedStale
    /// Of three answers, the one that no other confirms is cached and told.
    case minorityWins
    /// What no majority confirms is cached with the next answer.
    case undecidedIsCached
}
