// SPDX-License-Identifier: Apache-2.0

import KeyService

/// The questions that are in flight to the key server, and the callers that wait for their answers.
///
/// Invariants:
/// 1. There is at most one flight for a fingerprint.
/// 2. A caller waits for at most one flight, and leaves it once: with the answer, or before.
/// 3. A caller that comes after a purge does not get the answer to a question from before it. It waits behind that
///    flight for the next one.
///
/// A flight ends when its answer arrives, even without callers. An answer that contradicts the cached plaintext does
/// not end it: the flight continues until a further answer decides.
struct SingleFlight<Caller: Equatable & Sendable>: Sendable {
    struct Flight: Sendable {
        let name: KeyName
        /// When the key server was last asked.
        var startedAt: BootTime
        /// Renews an entry that can still be served. Has no callers at first.
        let isRenewal: Bool
        /// In order of arrival.
        var callers: [Caller]
        /// Callers that came after a purge.
        var successors: [Caller] = []
        /// Whether the key was purged since; the answer must not be stored.
        var isPurged = false
        /// Whether the last answer contradicted the cached plaintext, and a further one is awaited.
        var isContradicted = false
        /// Whether an earlier contradiction of this fingerprint was undecided, so that one answer is not enough.
        var isSuspect = false
    }

    private var byFingerprint: [Fingerprint: Flight] = [:]

    var count: Int { self.byFingerprint.count }

    /// Whether a further answer is awaited for the fingerprint, because the last one contradicted the cached plaintext.
    func isContradicted(_ fingerprint: Fingerprint) -> Bool { self.byFingerprint[fingerprint]?.isContradicted ?? false }

    func isUnderWay(_ fingerprint: Fingerprint) -> Bool { self.byFingerprint[fingerprint] != nil }

    /// Registers a caller with the current flight.
    ///
    /// - Returns: false if there is none.
    mutating func join(_ fingerprint: Fingerprint, _ caller: Caller) -> Bool {
        guard let index = self.byFingerprint.index(forKey: fingerprint) else { return false }
        if self.byFingerprint.values[index].isPurged {
            self.byFingerprint.values[index].successors.append(caller)
        } else {
            self.byFingerprint.values[index].callers.append(caller)
        }
        return true
    }

    /// - Precondition: there is no flight for the fingerprint.
    mutating func begin(_ fingerprint: Fingerprint, _ flight: Flight) {
        let before = self.byFingerprint.updateValue(flight, forKey: fingerprint)
        precondition(before == nil, "one flight per fingerprint")
    }

    /// Ends the flight whose answer has arrived.
    ///
    /// - Precondition: there is one.
    mutating func end(_ fingerprint: Fingerprint) -> Flight {
        guard let flight = self.byFingerprint.removeValue(forKey: fingerprint) else {
            preconditionFailure("an answer without a flight")
        }
        return flight
    }

    /// Removes a caller that no longer waits.
    mutating func leave(_ fingerprint: Fingerprint, _ caller: Caller) {
        guard let index = self.byFingerprint.index(forKey: fingerprint) else { return }
        self.byFingerprint.values[index].callers.removeAll { $0 == caller }
        self.byFingerprint.values[index].successors.removeAll { $0 == caller }
    }

    /// - Parameter name: nil for all.
    mutating func purge(_ name: KeyName?) {
        for index in self.byFingerprint.values.indices
        where name == nil || self.byFingerprint.values[index].name == name {
            self.byFingerprint.values[index].isPurged = true
        }
    }
}
