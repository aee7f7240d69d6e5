// SPDX-License-Identifier: Apache-2.0

import KeyService
import LockedMemory
import Synchronization
import Waiting

/// One share of a cache: a ``CacheCore``, the places of a vault that are its own, and the lock over both.
///
/// The lock is held for as long as it takes to look something up and copy a data key. What follows from a decision is
/// done outside, but for what happens to places: those must not change hands in between.
final class CacheShard: Sendable {
    typealias Caller = Waiter<FlightEnd>

    private let core: Mutex<CacheCore<Caller>>
    private let vault: SecretVault
    /// Where in the vault the shard's places begin.
    private let firstPlace: Int
    private let memory: SecretMemory

    init(capacity: Int, policy: ExpiryPolicy, vault: SecretVault, firstPlace: Int, memory: SecretMemory) {
        self.core = Mutex(CacheCore(capacity: capacity, policy: policy))
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

    /// - Throws: `.overloaded` when there is no memory for one more secret at present.
    func lookUp(
        _ question: Question, at now: BootTime, isOutOfReach: () -> Bool
    ) throws(KeyServiceError) -> Found? {
        try self.core.withLock { core throws(KeyServiceError) in
            switch core.lookUp(question.fingerprint, of: question.name, at: now, isOutOfReach: isOutOfReach) {
            case .held(let held, let renews):
                try self.find(held, renews: renews, of: question.fingerprint, in: &core)
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
        try self.core.withLock { core throws(KeyServiceError) in
            switch core.ask(question.fingerprint, of: question.name, caller, at: now, isOutOfReach: isOutOfReach) {
            case .held(let held, let renews):
                .found(try self.find(held, renews: renews, of: question.fingerprint, in: &core))
            case .wait:
                .wait(begins: false)
            case .begin:
                .wait(begins: true)
            }
        }
    }

    func leave(_ fingerprint: Fingerprint, _ caller: Caller) {
        self.core.withLock { $0.leave(fingerprint, caller) }
    }

    /// What is to be told, and to whom.
    struct Landing: ~Copyable {
        /// Nil if there is nothing but the failure to tell.
        let held: Decryption?
        let callers: [Caller]
        let firstAsked: Bool
        let askedAt: BootTime
        let goesOn: Bool

        /// Ends the value and hands on what answers in the key server's place.
        consuming func takeHeld() -> Decryption? { self.held }
    }

    /// The key server has answered with `plaintext`, or failed. Keeps what is to be kept.
    func land(
        _ fingerprint: Fingerprint, _ outcome: CacheCore<Caller>.Outcome, plaintext: borrowing Secret?,
        at now: BootTime, isOutOfReach: () -> Bool
    ) -> Landing {
        self.core.withLock { core in
            let landing = core.land(fingerprint, outcome, at: now, isOutOfReach: isOutOfReach)
            if let keep = landing.keep { self.store(plaintext, at: keep) }
            if let empty = landing.empty { self.vault.empty(self.firstPlace + empty) }
            var held: Decryption?
            if case .held(let answer) = landing.answer { held = try? self.open(answer) }
            return Landing(
                held: held, callers: landing.callers, firstAsked: landing.firstAsked, askedAt: landing.askedAt,
                goesOn: landing.goesOn)
        }
    }

    /// Keeps a new data key.
    func fill(
        _ fingerprint: Fingerprint, _ name: KeyName, _ plaintext: borrowing Secret, askedAt: BootTime, at now: BootTime
    ) {
        self.core.withLock { core in
            let place = core.fill(
                fingerprint, name, byteCount: plaintext.byteCount, askedAt: askedAt, at: now)
            if let place { self.vault.store(plaintext, at: self.firstPlace + place) }
        }
    }

    /// - Parameter name: nil for all keys.
    /// - Returns: how many entries never answer again.
    func purge(_ name: KeyName?) -> Int { self.core.withLock { $0.purge(name) } }

    /// Empties the places of all that never answers again, a few at a time, so that nobody waits long for the lock.
    func sweep(at now: BootTime) {
        var next: Int? = 0
        while let start = next { next = self.sweep(from: start, at: now) }
    }

    private static let sweepPlaceCount = 1024

    private func sweep(from start: Int, at now: BootTime) -> Int? {
        self.core.withLock { core in
            let (empty, next) = core.sweep(from: start, Self.sweepPlaceCount, at: now)
            for place in empty { self.vault.empty(self.firstPlace + place) }
            return next
        }
    }

    /// Whether something was purged whose place is not empty yet.
    var hasPurgedEntries: Bool { self.core.withLock { $0.hasPurgedEntries } }

    var statistics: CacheStatistics { self.core.withLock { $0.statistics } }

    // MARK: Places

    private func find(
        _ held: CacheCore<Caller>.Held, renews: Bool, of fingerprint: Fingerprint, in core: inout CacheCore<Caller>
    ) throws(KeyServiceError) -> Found {
        do throws(KeyServiceError) {
            return Found(decryption: try self.open(held), renews: renews)
        } catch {
            // Nobody would fly it.
            if renews { core.callOffRenewal(fingerprint) }
            throw error
        }
    }

    private func open(_ held: CacheCore<Caller>.Held) throws(KeyServiceError) -> Decryption {
        do throws(LockedMemoryError) {
            let plaintext = try self.vault.open(
                self.firstPlace + held.place, byteCount: held.byteCount, in: self.memory)
            let age = held.age.wholeSeconds
            return Decryption(plaintext, origin: held.isStale ? .stale(age: age) : .hit(age: age))
        } catch {
            throw KeyServiceError(error)
        }
    }

    private func store(_ plaintext: borrowing Secret?, at place: Int) {
        switch plaintext {
        case .some(let plaintext): self.vault.store(plaintext, at: self.firstPlace + place)
        case .none: preconditionFailure("an answer without a plaintext")
        }
    }
}
