// SPDX-License-Identifier: Apache-2.0

import KESProtocol
import Linux
import LockedMemory
import Settings

/// How much memory the agent locks, and what follows from it.
struct MemoryBudget: Equatable, Sendable {
    let plan: MemoryPlan
    /// What `memory.locked_max` says.
    let lockedMax: Int
    /// What the kernel lets the process lock, up to `lockedMax`.
    let lockable: Int
    /// Why the agent would not start with its settings, where this was tolerated for a look at them.
    let shortfall: AgentFailure?

    /// - Parameter toleratesUnlockedMemory: whether ordinary memory will do for a look at the settings.
    /// - Throws: ``AgentFailure`` when the settings need more memory than can be locked.
    init(_ settings: AgentSettings, toleratesUnlockedMemory: Bool) throws(AgentFailure) {
        self.lockedMax = settings.memory.lockedMax
        self.lockable = LockableMemory.byteCount(upTo: self.lockedMax)
        let needs = MemoryPlan.Needs(
            cacheEntries: settings.cache.isOn ? settings.cache.maxEntries : 0, loopCount: Self.loopCount,
            servesTLS: settings.tls.listen != nil)
        do throws(MemoryPlan.TooSmall) {
            self.plan = try MemoryPlan(total: self.lockable, needs: needs)
            self.shortfall = nil
        } catch {
            let shortfall = AgentFailure(
                tooSmall: error, lockedMax: self.lockedMax, lockable: self.lockable, cacheEntries: needs.cacheEntries)
            let allowUnlocked = settings.memory.allowUnlocked
            guard allowUnlocked || toleratesUnlockedMemory,
                let plan = try? MemoryPlan(total: error.byteCountNeeded, needs: needs)
            else { throw shortfall }
            self.plan = plan
            self.shortfall = allowUnlocked ? nil : shortfall
        }
    }

    /// Threads that serve clients.
    static var loopCount: Int { min(4, ProcessStatistics.processors.usable) }

    /// - Parameter hasKeyServers: whether the backend is one that requests are sent to.
    /// - Returns: nil where the memory is too little to start with.
    func findings(for settings: AgentSettings, hasKeyServers: Bool) -> MemoryFindings? {
        guard self.shortfall == nil else { return nil }
        return MemoryFindings(
            lockedByteCount: self.plan.byteCount, lockedMax: self.lockedMax,
            // The kernel's limit, or the agent's own: the one that is smaller.
            remedy: self.lockable < self.lockedMax ? "LimitMEMLOCK" : "memory.locked_max",
            upstreamRequests: hasKeyServers
                ? .init(
                    set: settings.upstream.maxInFlight,
                    byMemory: RequestBudget(settings.upstream, self.plan).inFlightMax) : nil,
            tlsConnections: settings.tls.listen.map { _ in
                .init(set: settings.limits.connections, byMemory: self.plan.lockedTLSConnections)
            })
    }
}

extension AgentFailure {
    fileprivate init(tooSmall error: MemoryPlan.TooSmall, lockedMax: Int, lockable: Int, cacheEntries: Int) {
        let needed = error.byteCountNeeded
        let megabytes = (needed + (1 << 20) - 1) >> 20
        var remedies: [String] = []
        if lockable < lockedMax {
            remedies.append(
                "set LimitMEMLOCK=\(needed) in the systemd unit, --ulimit memlock=\(needed) for a container or "
                    + "'ulimit -l \((needed + 1023) / 1024)' in a shell")
        }
        if lockedMax < needed { remedies.append("set memory.locked_max to \(megabytes)MiB") }
        let remedy = remedies.joined(separator: ", and ")
        let limit =
            lockable < lockedMax
            ? "RLIMIT_MEMLOCK is \(lockable / 1024) KiB" : "memory.locked_max is \(lockedMax.sizeText)"
        let alternative = cacheEntries > 0 ? ", or lower cache.max_entries" : ""
        self.init(
            .configuration,
            """
            locked memory: \((needed + 1023) / 1024) KiB needed for cache.max_entries \(cacheEntries), but \
            \(limit). To fix: \(remedy)\(alternative). With memory.allow_unlocked, keys can be written to swap
            """)
    }
}
