// SPDX-License-Identifier: Apache-2.0

import KeyService
import LockedMemory
import Primitives
import Synchronization

/// One shard of the cache: a ``CacheCore``, its places in the vault, and the lock over both.
///
/// The lock is held to look up an entry and copy a data key. Effects of a decision run outside the lock, except changes
/// to places, which must not be reused in between.
final class CacheShard: Sendable {
    typealias Caller = OneShot<FlightEnd>

    private let state: Mutex<State>
    let vault: SecretVault
    /// The first place of this shard in the vault.
    let firstPlace: Int
    let memory: SecretMemory

    struct State: ~Copyable {
        var core: CacheCore<Caller>
        /// Plaintexts that are too long for the vault's slots, by place. Rare: the slots fit data keys.
        var longSecrets: [Int: SharedSecret] = [:]
    }

    static let longSecretCountMax = 64

    init(capacity: Int, policy: ExpiryPolicy, vault: SecretVault, firstPlace: Int, memory: SecretMemory) {
        self.state = Mutex(State(core: CacheCore(capacity: capacity, policy: policy)))
        self.vault = vault
        self.firstPlace = firstPlace
        self.memory = memory
    }

    /// A copy of a cached data key.
    struct Hit: ~Copyable {
        let decryption: Decryption
        /// Whether the caller must ask the key server again; see ``CacheCore/Lookup``.
        let renews: Bool

        /// Consumes the hit and returns its decryption.
        consuming func take() -> Decryption { self.decryption }
    }

    /// - Parameter name: as in ``CacheCore/lookUp(_:of:at:isOutOfReach:)``.
    /// - Throws: `.outOfMemory` if there is no memory for another secret.
    func lookUp(
        _ fingerprint: Fingerprint, of name: KeyName?, at now: BootTime, isOutOfReach: () -> Bool
    ) throws(KeyServiceError) -> Hit? {
        try self.state.withLock { state throws(KeyServiceError) in
            switch state.core.lookUp(fingerprint, of: name, at: now, isOutOfReach: isOutOfReach) {
            case .cached(let cached, let renews):
                try self.hit(cached, renews: renews, of: fingerprint, in: &state)
            case .none:
                nil
            }
        }
    }

    enum Ask: ~Copyable {
        case hit(Hit)
        /// The caller waits for an answer. If it begins the flight, it must ask the key server.
        case wait(begins: Bool)
    }

    /// Returns a cached data key; otherwise registers the caller with a flight.
    func ask(
        _ question: Question, _ caller: Caller, at now: BootTime, isOutOfReach: () -> Bool
    ) throws(KeyServiceError) -> Ask {
        try self.state.withLock { state throws(KeyServiceError) in
            switch state.core.ask(question.fingerprint, of: question.name, caller, at: now, isOutOfReach: isOutOfReach)
            {
            case .cached(let cached, let renews):
                .hit(try self.hit(cached, renews: renews, of: question.fingerprint, in: &state))
            case .wait:
                .wait(begins: false)
            case .begin:
                .wait(begins: true)
            }
        }
    }

    func leave(_ fingerprint: Fingerprint, _ caller: Caller) {
        self.state.withLock { $0.core.leave(fingerprint, caller) }
    }

    /// The key server's answer without its plaintext.
    enum Reply: Equatable {
        case opened(by: EndpointIndex?)
        case failed(KeyServiceError)
    }

    /// A cached plaintext that a new one contradicts, already removed from the cache.
    struct Contradiction: ~Copyable {
        /// Nil if there was no memory for a copy.
        let cached: Secret?
        let endpoint: EndpointIndex?
    }

    /// The answer for the callers of a flight.
    struct Completion: ~Copyable {
        enum Verdict: ~Copyable {
            /// The key server's answer.
            case reply
            /// A cached data key, because the key server gave no answer; nil if there was no memory for a copy.
            case cached(Decryption?)
            /// No answer yet: ask once more and call ``CacheShard/complete(_:_:plaintext:confirms:at:isOutOfReach:)``
            /// again.
            case contradiction(Contradiction)
            /// `.contradicted`: no two of three answers agree.
            case undecided
        }

        let verdict: Verdict
        let callers: [Caller]
        let firstAsked: Bool
        let askedAt: BootTime
        let asksAgain: Bool

        /// Consumes the value and returns the verdict.
        consuming func takeVerdict() -> Verdict { self.verdict }
    }

    /// Processes an answer of the key server: a plaintext or a failure. Stores the plaintext if the core decides so.
    ///
    /// - Parameter confirms: after a contradiction, whether the plaintext equals one of the two contradicting ones;
    ///   otherwise nil.
    func complete(
        _ fingerprint: Fingerprint, _ reply: Reply, plaintext: borrowing Secret?, confirms: Bool? = nil,
        at now: BootTime, isOutOfReach: () -> Bool
    ) -> Completion {
        self.state.withLock { state in
            let cached = state.core.entry(comparableWith: fingerprint)
            let completion = self.complete(fingerprint, reply, plaintext, confirms, at: now, isOutOfReach, in: &state)
            let verdict: Completion.Verdict =
                switch completion.answer {
                case .outcome: .reply
                case .cached(let answer): .cached(try? self.open(answer, in: state))
                case .contradiction: .contradiction(self.contradiction(of: cached, in: state))
                case .undecided: .undecided
                }
            if let empty = completion.empty { self.empty(empty, in: &state) }
            return Completion(
                verdict: verdict, callers: completion.callers, firstAsked: completion.firstAsked,
                askedAt: completion.askedAt,
                asksAgain: completion.asksAgain)
        }
    }

    private func complete(
        _ fingerprint: Fingerprint, _ reply: Reply, _ plaintext: borrowing Secret?, _ confirms: Bool?,
        at now: BootTime, _ isOutOfReach: () -> Bool, in state: inout State
    ) -> CacheCore<Caller>.Completion {
        let endpoint: EndpointIndex?
        switch reply {
        case .failed(let error):
            return state.core.complete(fingerprint, .failed(error), at: now, isOutOfReach: isOutOfReach)
        case .opened(let answering):
            endpoint = answering
        }
        switch plaintext {
        case .none:
            preconditionFailure("an opened answer has a plaintext")
        case .some(let plaintext):
            let storage = self.prepare(plaintext, in: state)
            let agreement = confirms.map { $0 ? .same : .different } ?? self.compare(plaintext, fingerprint, in: state)
            let outcome = CacheCore<Caller>.Outcome
                .opened(
                    byteCount: storage.byteCount(of: plaintext), agreement, by: endpoint)
            let completion = state.core.complete(fingerprint, outcome, at: now, isOutOfReach: isOutOfReach)
            if let place = completion.keep { self.store(plaintext, storage, at: place, in: &state) }
            return completion
        }
    }

    enum Filled: ~Copyable {
        case done
        case contradiction(Contradiction)
    }

    /// Stores a new data key, unless it contradicts the cached one.
    func fill(
        _ fingerprint: Fingerprint, _ name: KeyName, _ plaintext: borrowing Secret, by endpoint: EndpointIndex?,
        askedAt: BootTime, at now: BootTime
    ) -> Filled {
        self.state.withLock { state in
            let cached = state.core.entry(comparableWith: fingerprint)
            let storage = self.prepare(plaintext, in: state)
            let fill = state.core.fill(
                fingerprint, name, byteCount: storage.byteCount(of: plaintext),
                agreement: self.compare(plaintext, fingerprint, in: state), by: endpoint, askedAt: askedAt, at: now)
            switch fill {
            case .keep(let place):
                if let place { self.store(plaintext, storage, at: place, in: &state) }
                return .done
            case .contradiction(let empty):
                let contradiction = self.contradiction(of: cached, in: state)
                if let empty { self.empty(empty, in: &state) }
                return .contradiction(contradiction)
            }
        }
    }

    /// Another answer has confirmed the new data key that contradicted the cached one. It may be cached again.
    func confirm(_ fingerprint: Fingerprint) { self.state.withLock { $0.core.confirm(fingerprint) } }

    /// - Parameter name: nil for all keys.
    /// - Returns: the number of purged entries.
    func purge(_ name: KeyName?) -> Int {
        self.state.withLock { state in
            let (count, empty) = state.core.purge(name)
            if !empty.isEmpty { state.longSecrets.removeAll() }
            self.vault.empty(self.firstPlace + empty.lowerBound..<self.firstPlace + empty.upperBound)
            return count
        }
    }

    /// Empties the places of expired and purged entries. Releases the lock after every 1024 places, so that lookups
    /// wait only briefly.
    func sweep(at now: BootTime) {
        var next: Int? = 0
        while let start = next { next = self.sweep(from: start, at: now) }
    }

    private static let sweepPlaceCount = 1024

    private func sweep(from start: Int, at now: BootTime) -> Int? {
        self.state.withLock { state in
            let (empty, next) = state.core.sweep(from: start, Self.sweepPlaceCount, at: now)
            for place in empty { self.empty(place, in: &state) }
            return next
        }
    }

    /// Whether the places of purged entries are still to be emptied.
    var hasPurgedEntries: Bool { self.state.withLock { $0.core.hasPurgedEntries } }

    var statistics: CacheStatistics { self.state.withLock { $0.core.statistics } }
}
