// SPDX-License-Identifier: Apache-2.0

import KeyService
import LockedMemory

/// The plaintexts of a shard, by place: in the vault, or separately if they are too long for it.
///
/// Every function runs under the shard's lock.
extension CacheShard {
    typealias CachedEntry = (place: Int, byteCount: Int, endpoint: EndpointIndex?)

    /// Compares a new plaintext with the cached one, in a time that depends only on their lengths.
    func compare(
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

    /// Copies the plaintext of an entry that was removed but whose place is not empty yet.
    func contradiction(of cached: CachedEntry?, in state: borrowing State) -> Contradiction {
        guard let cached else { return Contradiction(cached: nil, endpoint: nil) }
        let plaintext = try? self.plaintext(at: cached.place, byteCount: cached.byteCount, in: state)
        return Contradiction(cached: plaintext, endpoint: cached.endpoint)
    }

    func hit(
        _ cached: CacheCore<Caller>.CachedAnswer, renews: Bool, of fingerprint: Fingerprint, in state: inout State
    ) throws(KeyServiceError) -> Hit {
        do throws(KeyServiceError) {
            return Hit(decryption: try self.open(cached, in: state), renews: renews)
        } catch {
            // No caller would ask the key server for it.
            if renews { state.core.cancelRenewal(fingerprint) }
            throw error
        }
    }

    func open(
        _ cached: CacheCore<Caller>.CachedAnswer, in state: borrowing State
    ) throws(KeyServiceError) -> Decryption {
        let age = cached.age.wholeSeconds
        do throws(LockedMemoryError) {
            return Decryption(
                try self.plaintext(at: cached.place, byteCount: cached.byteCount, in: state),
                origin: cached.isStale ? .stale(age: age) : .hit(age: age))
        } catch {
            throw KeyServiceError(error)
        }
    }

    func plaintext(
        at place: Int, byteCount: Int, in state: borrowing State
    ) throws(LockedMemoryError) -> Secret {
        guard byteCount > SecretVault.payloadByteCountMax else {
            return try self.vault.open(self.firstPlace + place, byteCount: byteCount, in: self.memory)
        }
        guard let long = state.longSecrets[place] else { throw .exhausted }
        return try long.value.copy(in: self.memory)
    }

    /// Where a plaintext is stored: in the vault, or as a separate copy if it is too long.
    enum Storage {
        case vault
        case separate(SharedSecret)
        case none

        /// The length to report to the core. Without room: `.max`, which the core refuses as too long.
        func byteCount(of plaintext: borrowing Secret) -> Int {
            switch self {
            case .vault, .separate: plaintext.byteCount
            case .none: .max
            }
        }
    }

    /// Decides whether there is room. Call before the core decides.
    func prepare(_ plaintext: borrowing Secret, in state: borrowing State) -> Storage {
        guard plaintext.byteCount > SecretVault.payloadByteCountMax else { return .vault }
        guard plaintext.byteCount <= CacheCore<Caller>.byteCountMax, state.longSecrets.count < Self.longSecretCountMax,
            let copy = try? plaintext.copy(in: self.memory)
        else { return .none }
        return .separate(SharedSecret(copy))
    }

    func store(_ plaintext: borrowing Secret, _ storage: Storage, at place: Int, in state: inout State) {
        switch storage {
        case .vault:
            state.longSecrets[place] = nil
            self.vault.store(plaintext, at: self.firstPlace + place)
        case .separate(let copy):
            self.vault.empty(self.firstPlace + place)
            state.longSecrets[place] = copy
        case .none:
            preconditionFailure("a place for what is not kept")
        }
    }

    func empty(_ place: Int, in state: inout State) {
        state.longSecrets[place] = nil
        self.vault.empty(self.firstPlace + place)
    }
}
