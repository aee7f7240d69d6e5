// SPDX-License-Identifier: Apache-2.0

package import KeyService
import Synchronization

extension CachedKeyService {
    /// Forgets a key's data keys, or all there are. When this returns, nothing that was there before answers, and the
    /// memory is wiped.
    ///
    /// - Parameter name: nil for all.
    /// - Returns: how many data keys there were.
    @discardableResult package func forget(_ name: KeyName?) -> Int {
        self.keyEvents.withLock { $0.pendingFills.purge(name) }
        let count = self.shards.reduce(0) { $0 + $1.purge(name) }
        // Also what a shard has purged itself, or somebody else is about to sweep.
        for shard in self.shards where shard.hasPurgedEntries { shard.sweep(at: self.clock()) }
        return count
    }

    /// The same where many wait for the thread: it may take a while.
    @discardableResult package func purge(_ name: KeyName?) async -> Int {
        await withTaskExecutorPreference(globalConcurrentExecutor) { self.forget(name) }
    }

    /// The backend knows us as somebody else from now on, who may not have the same rights.
    package func changeIdentity() {
        self.generation.wrappingAdd(1, ordering: .acquiringAndReleasing)
        self.keyEvents.withLock { $0.absentKeys.removeAll() }
        self.forget(nil)
    }
}
