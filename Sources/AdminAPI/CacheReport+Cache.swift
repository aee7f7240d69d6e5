// SPDX-License-Identifier: Apache-2.0

import AdminProtocol
import KeyCache

extension CacheReport {
    init(_ cache: CachedKeyService?) {
        self.init()
        guard let cache else { return }
        let statistics = cache.statistics
        self.isEnabled = true
        self.entries = statistics.entries
        self.capacity = statistics.capacity
        self.anyMilliseconds = cache.policy.any.milliseconds
        self.unusedMilliseconds = cache.policy.unused.milliseconds
        self.offlineMilliseconds = cache.policy.offline.milliseconds
        self.hits = statistics.hits
        self.misses = statistics.misses
        self.coalesced = statistics.coalesced
        self.stale = statistics.stale
        self.absent = statistics.absent
        self.contradictions = statistics.contradictions
        self.renewals = Renewals(statistics.renewals)
        self.evictions = Evictions(statistics.evictions)
    }
}

extension CacheReport.Renewals {
    fileprivate init(_ renewals: CacheStatistics.Renewals) {
        self.init()
        self.succeeded = renewals.succeeded
        self.refused = renewals.refused
        self.failed = renewals.failed
    }
}

extension CacheReport.Evictions {
    fileprivate init(_ evictions: CacheStatistics.Evictions) {
        self.init()
        self.capacity = evictions.capacity
        self.expired = evictions.expired
        self.purged = evictions.purged
        self.contradicted = evictions.contradicted
    }
}
