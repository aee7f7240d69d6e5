// SPDX-License-Identifier: Apache-2.0

import KeyService

/// Which questions the key server is being asked, and who waits for the answers.
///
/// Invariants:
/// 1. There is at most one flight for a fingerprint.
/// 2. A caller waits for at most one flight, and leaves it once: with the answer, or before.
/// 3. Whoever asks after a purge does not get the answer to what was asked before it: he waits behind that flight for
///    the next one.
///
/// A flight ends when its answer comes, even if no caller waits for it any more. An answer that contradicts the cached
/// plaintext does not end it: the flight goes on until a further answer decides.
struct SingleFlight<Caller: Equatable & Sendable>: Sendable {
    struct Flight: Sendable {
        let name: KeyName
        /// When the key server was asked last.
        var startedAt: BootTime
        /// Renews an entry that still answers. Nobody waits for it at first.
        let isRenewal: Bool
        /// In the order in which they came.
        var callers: [Caller]
        /// Those who came after a purge.
        var successors: [Caller] = []
        /// Whether the key was purged since: what comes back is not to be kept.
        var isPurged = false
        /// Whether the last answer contradicted the cached plaintext, and a further one is awaited.
        var isContradicted = false
        /// Whether no majority was found for the fingerprint a while ago, so that one answer is not enough.
        var isSuspect = false
    }

    private var byFingerprint: [Fingerprint: Flight] = [:]

    var count: Int { self.byFingerprint.count }

    /// Whether a further answer is awaited for the fingerprint, since the last one contradicted the cached plaintext.
    func isContradicted(_ fingerprint: Fingerprint) -> Bool { self.byFingerprint[fingerprint]?.isContradicted ?? false }

    func isUnderWay(_ fingerprint: Fingerprint) -> Bool { self.byFingerprint[fingerprint] != nil }

    /// Has a caller wait for the flight that is under way.
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
        precondition(before == nil, "a question that is being asked already")
    }

    /// The answer is here.
    mutating func end(_ fingerprint: Fingerprint) -> Flight {
        guard let flight = self.byFingerprint.removeValue(forKey: fingerprint) else {
            preconditionFailure("an answer to what was not asked")
        }
        return flight
    }

    /// A caller does not wait any longer.
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
