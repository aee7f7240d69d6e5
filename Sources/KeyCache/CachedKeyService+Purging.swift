// SPDX-License-Identifier: Apache-2.0

package import KeyService
import Synchronization

extension CachedKeyService {
    /// Purges a key's data keys, or all of them. On return, no earlier data key is served, and its memory is wiped.
    ///
    /// Blocks while it visits all places of the cache, a few milliseconds for a million entries.
    ///
    /// - Parameter name: nil for all.
    /// - Returns: the number of purged data keys.
    @discardableResult package func forget(_ name: KeyName?) -> Int {
        self.keyEvents.withLock { $0.pendingFills.purge(name) }
        let count = self.shards.reduce(0) { $0 + $1.purge(name) }
        // Covers entries that a shard has purged by itself, or that another sweep has not reached yet.
        for shard in self.shards where shard.hasPurgedEntries { shard.sweep(at: self.clock()) }
        return count
    }

    /// As ``forget(_:)``, on the global executor, for callers on an event loop.
    @discardableResult package func purge(_ name: KeyName?) async -> Int {
        await withTaskExecutorPreference(globalConcurrentExecutor) { self.forget(name) }
    }

    /// Call when the backend authenticates the agent as another identity, which may have other permissions.
    package func changeIdentity() {
        self.generation.wrappingAdd(1, ordering: .acquiringAndReleasing)
        self.keyEvents.withLock { $0.absentKeys.removeAll() }
        self.forget(nil)
    }
}
