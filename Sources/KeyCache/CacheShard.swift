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
    private let vault: SecretVault
    /// Where in the vault the shard's places begin.
    private let firstPlace: Int
    private let memory: SecretMemory

    private struct State: ~Copyable {
        var core: CacheCore<Caller>
        /// What is too long for the vault, which has room for data keys, by place. There is seldom any.
        var longSecrets: [Int: SharedSecret] = [:]
    }

    private static let longSecretCountMax = 64

    init(capacity: Int, policy: ExpiryPolicy, vault: SecretVault, firstPlace: Int, memory: SecretMemory) {
        self.state = Mutex(State(core: CacheCore(capacity: capacity, policy: policy)))
        self.vault = vault
        self.firstPlace = firstPlace
        self.memory = memory
    }

    /// An answer at hand.
    struct Found: ~Copyable {
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
    ) throws(KeyServiceError) -> Found? {
        try self.state.withLock { state throws(KeyServiceError) in
            switch state.core.lookUp(fingerprint, of: name, at: now, isOutOfReach: isOutOfReach) {
            case .held(let held, let renews):
                try self.find(held, renews: renews, of: fingerprint, in: &state)
            case .none:
                nil
            }
        }
    }

    enum Ask: ~Copyable {
        case found(Found)
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
            case .held(let held, let renews):
                .found(try self.find(held, renews: renews, of: question.fingerprint, in: &state))
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
    struct Landing: ~Copyable {
        enum Verdict: ~Copyable {
            /// The key server's answer.
            case reply
            /// A cached data key, since the key server said nothing; nil if there was no memory for a copy.
            case held(Decryption?)
            /// Nothing yet: ask once more and call ``CacheShard/land(_:_:plaintext:confirms:at:isOutOfReach:)`` again.
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
    func land(
        _ fingerprint: Fingerprint, _ reply: Reply, plaintext: borrowing Secret?, confirms: Bool? = nil,
        at now: BootTime, isOutOfReach: () -> Bool
    ) -> Landing {
        self.state.withLock { state in
            let cached = state.core.entry(comparableWith: fingerprint)
            let landing = self.land(fingerprint, reply, plaintext, confirms, at: now, isOutOfReach, in: &state)
            let verdict: Landing.Verdict =
                switch landing.answer {
                case .outcome: .reply
                case .held(let answer): .held(try? self.open(answer, in: state))
                case .contradiction: .contradiction(self.contradiction(of: cached, in: state))
                case .undecided: .undecided
                }
            if let empty = landing.empty { self.empty(empty, in: &state) }
            return Landing(
                verdict: verdict, callers: landing.callers, firstAsked: landing.firstAsked, askedAt: landing.askedAt,
                asksAgain: landing.asksAgain)
        }
    }

    private func land(
        _ fingerprint: Fingerprint, _ reply: Reply, _ plaintext: borrowing Secret?, _ confirms: Bool?,
        at now: BootTime, _ isOutOfReach: () -> Bool, in state: inout State
    ) -> CacheCore<Caller>.Landing {
        let endpoint: EndpointIndex?
        switch reply {
        case .failed(let error):
            return state.core.land(fingerprint, .failed(error), at: now, isOutOfReach: isOutOfReach)
        case .opened(let answering):
            endpoint = answering
        }
        switch plaintext {
        case .none:
            preconditionFailure("a plaintext that is missing")
        case .some(let plaintext):
            let kept = self.prepare(plaintext, in: state)
            let agreement = confirms.map { $0 ? .same : .different } ?? self.compare(plaintext, fingerprint, in: state)
            let outcome = CacheCore<Caller>.Outcome
                .opened(
                    byteCount: kept.byteCount(of: plaintext), agreement, by: endpoint)
            let landing = state.core.land(fingerprint, outcome, at: now, isOutOfReach: isOutOfReach)
            if let place = landing.keep { self.store(plaintext, kept, at: place, in: &state) }
            return landing
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
            let kept = self.prepare(plaintext, in: state)
            let fill = state.core.fill(
                fingerprint, name, byteCount: kept.byteCount(of: plaintext),
                agreement: self.compare(plaintext, fingerprint, in: state), by: endpoint, askedAt: askedAt, at: now)
            switch fill {
            case .keep(let place):
                if let place { self.store(plaintext, kept, at: place, in: &state) }
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

    // MARK: Places

    private typealias CachedEntry = (place: Int, byteCount: Int, endpoint: EndpointIndex?)

    /// Compares a new plaintext with the cached one, in a time that depends on the length alone.
    private func compare(
        _ plaintext: borrowing Secret, _ fingerprint: Fingerprint, in state: borrowing State
    ) -> CacheCore<Caller>.Agreement {
        guard let cached = state.core.entry(comparableWith: fingerprint) else { return .unopposed }
        let isSame: Bool
        if cached.byteCount <= SecretVault.payloadByteCountMax {
            isSame = self.vault.holds(plaintext, at: self.firstPlace + cached.place, byteCount: cached.byteCount)
        } else if let long = state.longSecrets[cached.place] {
            isSame = long.value.isEqual(to: plaintext)
        } else {
            return .unopposed
        }
        return isSame ? .same : .different
    }

    /// Copies the plaintext of an entry that was dropped and whose place is not emptied yet.
    private func contradiction(of cached: CachedEntry?, in state: borrowing State) -> Contradiction {
        guard let cached else { return Contradiction(cached: nil, endpoint: nil) }
        let plaintext = try? self.plaintext(at: cached.place, byteCount: cached.byteCount, in: state)
        return Contradiction(cached: plaintext, endpoint: cached.endpoint)
    }

    private func find(
        _ held: CacheCore<Caller>.Held, renews: Bool, of fingerprint: Fingerprint, in state: inout State
    ) throws(KeyServiceError) -> Found {
        do throws(KeyServiceError) {
            return Found(decryption: try self.open(held, in: state), renews: renews)
        } catch {
            // Nobody would fly it.
            if renews { state.core.callOffRenewal(fingerprint) }
            throw error
        }
    }

    private func open(
        _ held: CacheCore<Caller>.Held, in state: borrowing State
    ) throws(KeyServiceError) -> Decryption {
        let age = held.age.wholeSeconds
        do throws(LockedMemoryError) {
            return Decryption(
                try self.plaintext(at: held.place, byteCount: held.byteCount, in: state),
                origin: held.isStale ? .stale(age: age) : .hit(age: age))
        } catch {
            throw KeyServiceError(error)
        }
    }

    private func plaintext(
        at place: Int, byteCount: Int, in state: borrowing State
    ) throws(LockedMemoryError) -> Secret {
        guard byteCount > SecretVault.payloadByteCountMax else {
            return try self.vault.open(self.firstPlace + place, byteCount: byteCount, in: self.memory)
        }
        guard let long = state.longSecrets[place] else { throw .exhausted }
        return try long.value.copy(in: self.memory)
    }

    /// What is to be put into a place: a plaintext that the vault has room for, or a copy of a longer one.
    private enum Kept {
        case short
        case long(SharedSecret)
        case nothing

        /// As the core is told: too long, if there is no room.
        func byteCount(of plaintext: borrowing Secret) -> Int {
            switch self {
            case .short, .long: plaintext.byteCount
            case .nothing: .max
            }
        }
    }

    /// Decides whether there is room, before the core does.
    private func prepare(_ plaintext: borrowing Secret, in state: borrowing State) -> Kept {
        guard plaintext.byteCount > SecretVault.payloadByteCountMax else { return .short }
        guard plaintext.byteCount <= CacheCore<Caller>.byteCountMax, state.longSecrets.count < Self.longSecretCountMax,
            let copy = try? plaintext.copy(in: self.memory)
        else { return .nothing }
        return .long(SharedSecret(copy))
    }

    private func store(_ plaintext: borrowing Secret, _ kept: Kept, at place: Int, in state: inout State) {
        switch kept {
        case .short:
            state.longSecrets[place] = nil
            self.vault.store(plaintext, at: self.firstPlace + place)
        case .long(let copy):
            self.vault.empty(self.firstPlace + place)
            state.longSecrets[place] = copy
        case .nothing:
            preconditionFailure("a place for what is not kept")
        }
    }

    private func empty(_ place: Int, in state: inout State) {
        state.longSecrets[place] = nil
        self.vault.empty(self.firstPlace + place)
    }
}
