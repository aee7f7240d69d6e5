// SPDX-License-Identifier: Apache-2.0

package import KeyService
import LockedMemory
import Synchronization

/// Generates data keys, and caches each at once.
extension CachedKeyService {
    package func generateKey(
        _ name: KeyName, associatedData: AssociatedData
    ) async throws(KeyServiceError) -> DataKey {
        let askedAt = self.clock()
        try self.checkPresence(of: name, at: askedAt)
        let fill = self.keyEvents.withLock { $0.pendingFills.begin(name) }
        do throws(KeyServiceError) {
            var dataKey = try await self.learning(of: name) { () throws(KeyServiceError) in
                try await self.backend.generateKey(name, associatedData: associatedData)
            }
            let contradiction = self.keep(dataKey, name, associatedData, askedAt: askedAt, fill)
            dataKey.origin = .miss
            guard let contradiction else { return dataKey }
            return try await self.resolve(contradiction, by: dataKey, name, associatedData)
        } catch {
            self.keyEvents.withLock { _ = $0.pendingFills.end(fill) }
            throw error
        }
    }

    /// - Returns: the contradiction, if the new data key differs from the cached one.
    private func keep(
        _ dataKey: borrowing DataKey, _ name: KeyName, _ associatedData: AssociatedData, askedAt: BootTime,
        _ fill: PendingFills.ID
    ) -> CacheShard.Contradiction? {
        let question = self.question(name, dataKey.ciphertext, associatedData)
        let now = self.clock()
        // A purge marks pending fills under this lock before it visits the shards. So either this fill sees the mark
        // and stores nothing, or the purge finds the entry.
        return self.keyEvents.withLock { keyEvents in
            guard keyEvents.pendingFills.end(fill) else { return nil }
            let filled = self.shard(of: question)
                .fill(
                    question.fingerprint, name, dataKey.plaintext, by: dataKey.endpoint, askedAt: askedAt, at: now)
            switch consume filled {
            case .done: return nil
            case .contradiction(let contradiction): return contradiction
            }
        }
    }
}
