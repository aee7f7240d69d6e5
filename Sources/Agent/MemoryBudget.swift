// SPDX-License-Identifier: Apache-2.0

import KESProtocol
import Linux
import LockedMemory
import Settings

/// How much memory the agent locks, and how it is divided.
struct MemoryBudget: Equatable, Sendable {
    let plan: MemoryPlan
    /// The setting `memory.locked_max`, in bytes.
    let lockedMax: Int
    /// What the kernel lets the process lock, up to `lockedMax`, in bytes.
    let lockable: Int
    /// Why the agent would not start with its settings. Only set if `toleratesUnlockedMemory`.
    let shortfall: AgentFailure?

    /// - Parameter toleratesUnlockedMemory: true for `keyside check`: ordinary memory is enough to look at the
    ///   settings.
    /// - Throws: ``AgentFailure`` if the settings need more memory than can be locked.
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

    /// The number of event loop threads.
    static var loopCount: Int { min(4, ProcessStatistics.processors.usable) }

    /// - Parameter hasKeyServers: whether the backend is a cluster of key servers.
    /// - Returns: nil if the memory is not enough to start.
    func findings(for settings: AgentSettings, hasKeyServers: Bool) -> MemoryFindings? {
        guard self.shortfall == nil else { return nil }
        return MemoryFindings(
            lockedByteCount: self.plan.byteCount, lockedMax: self.lockedMax,
            // The smaller of the kernel's limit and the agent's own.
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
