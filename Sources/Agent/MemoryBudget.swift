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

    /// - Parameter allowUnlocked: whether ordinary memory will do where too little can be locked.
    /// - Throws: ``AgentFailure`` when the settings need more memory than can be locked.
    init(_ settings: AgentSettings, allowUnlocked: Bool) throws(AgentFailure) {
        self.lockedMax = settings.memory.lockedMax
        self.lockable = LockableMemory.byteCount(upTo: self.lockedMax)
        let needs = MemoryPlan.Needs(
            cacheEntries: settings.cache.isOn ? settings.cache.maxEntries : 0, loopCount: Self.loopCount,
            servesTLS: settings.tls.listen != nil)
        do throws(MemoryPlan.TooSmall) {
            self.plan = try MemoryPlan(total: self.lockable, needs: needs)
        } catch {
            guard allowUnlocked, let plan = try? MemoryPlan(total: error.byteCountNeeded, needs: needs) else {
                throw AgentFailure(
                    tooSmall: error, lockedMax: self.lockedMax, lockable: self.lockable,
                    cacheEntries: needs.cacheEntries)
            }
            self.plan = plan
        }
    }

    /// Threads that serve clients.
    static var loopCount: Int { min(4, ProcessStatistics.processors.usable) }

    func findings(for settings: AgentSettings) -> MemoryFindings {
        MemoryFindings(
            lockedByteCount: self.plan.byteCount, lockedMax: self.lockedMax,
            // The kernel's limit, or the agent's own: the one that is smaller.
            remedy: self.lockable < self.lockedMax ? "LimitMEMLOCK" : "memory.locked_max",
            upstreamRequests: .init(
                set: settings.upstream.maxInFlight,
                byMemory: RequestBudget(settings.upstream, self.plan).inFlightMax),
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
            the agent needs \((needed + 1023) / 1024) KiB of locked memory with cache.max_entries \(cacheEntries), and \
            \(limit): \(remedy)\(alternative). Setting memory.allow_unlocked lets keys reach swap
            """)
    }
}
