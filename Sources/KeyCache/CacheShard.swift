// SPDX-License-Identifier: Apache-2.0

import KeyService
import LockedMemory
import Primitives
import Synchronization

/// One share of a cache: a ``CacheCore``, the places of a vault that are its own, and the lock over both.
///
/// The lock is held for as long as it takes to look something up and copy a data key. What follows from a decision is
/// done outside, but for what happens to places: those must not change hands in between.
final class CacheShard: Sendable {
    typealias Caller = OneShot<FlightEnd>

    private let state: Mutex<State>
    let vault: SecretVault
    /// Where in the vault the shard's places begin.
    let firstPlace: Int
    let memory: SecretMemory

    struct State: ~Copyable {
        var core: CacheCore<Caller>
        /// What is too long for the vault, which has room for data keys, by place. There is seldom any.
        var longSecrets: [Int: SharedSecret] = [:]
    }

    static let longSecretCountMax = 64

    init(capacity: Int, policy: ExpiryPolicy, vault: SecretVault, firstPlace: Int, memory: SecretMemory) {
        self.state = Mutex(State(core: CacheCore(capacity: capacity, policy: policy)))
        self.vault = vault
        self.firstPlace = firstPlace
        self.memory = memory
    }

    /// An answer at hand.
    struct Hit: ~Copyable {
        let decryption: Decryption
        /// Whether the key server is to be asked again, see ``CacheCore/Lookup``.
        let renews: Bool

        /// Ends the value and hands on the answer.
        consuming func take() -> Decryption { self.decryption }
    }

    /// - Parameter name: as ``CacheCore/lookUp(_:of:at:isOutOfReach:)`` takes it.
    /// - Throws: `.outOfMemory` when there is no memory for one more secret at present.
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
        /// The caller is told when an answer comes. If it begins, the key server is to be asked first.
        case wait(begins: Bool)
    }

    /// Has a caller wait for an answer, unless one is at hand.
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

    /// The key server's answer, without the plaintext.
    enum Reply: Equatable {
        case opened(by: EndpointIndex?)
        case failed(KeyServiceError)
    }

    /// A cached plaintext that a new one contradicts. It is in the cache no more.
    struct Contradiction: ~Copyable {
        /// Nil if there was no memory for a copy.
        let cached: Secret?
        let endpoint: EndpointIndex?
    }

    /// What is to be told, and to whom.
    struct Completion: ~Copyable {
        enum Verdict: ~Copyable {
            /// The key server's answer.
            case reply
            /// A cached data key, since the key server said nothing; nil if there was no memory for a copy.
            case cached(Decryption?)
            /// Nothing yet: ask once more and call ``CacheShard/complete(_:_:plaintext:confirms:at:isOutOfReach:)`` again.
            case contradiction(Contradiction)
            /// `.contradicted`: no two of three answers agree.
            case undecided
        }

        let verdict: Verdict
        let callers: [Caller]
        let firstAsked: Bool
        let askedAt: BootTime
        let asksAgain: Bool

        /// Ends the value and hands on what answers.
        consuming func takeVerdict() -> Verdict { self.verdict }
    }

    /// The key server has answered with `plaintext`, or failed. Keeps what is to be kept.
    ///
    /// - Parameter confirms: after a contradiction, whether the plaintext equals one of the two that contradict each other;
    ///   nil before.
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
            preconditionFailure("a plaintext that is missing")
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

    /// Keeps a new data key, unless it contradicts the cached one.
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

    /// A further answer equals the new data key that contradicted the cached one: it may be cached from now on.
    func confirm(_ fingerprint: Fingerprint) { self.state.withLock { $0.core.confirm(fingerprint) } }

    /// - Parameter name: nil for all keys.
    /// - Returns: how many entries never answer again.
    func purge(_ name: KeyName?) -> Int {
        self.state.withLock { state in
            let (count, empty) = state.core.purge(name)
            if !empty.isEmpty { state.longSecrets.removeAll() }
            self.vault.empty(self.firstPlace + empty.lowerBound..<self.firstPlace + empty.upperBound)
            return count
        }
    }

    /// Empties the places of all that never answers again, a few at a time, so that nobody waits long for the lock.
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

    /// Whether something was purged whose place is not empty yet.
    var hasPurgedEntries: Bool { self.state.withLock { $0.core.hasPurgedEntries } }

    var statistics: CacheStatistics { self.state.withLock { $0.core.statistics } }
}
