// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import LockedMemory

@Suite struct MemoryPlanTests {
    private static let megabyte = 1 << 20
    /// `RLIMIT_MEMLOCK` as Debian sets it.
    private static let debian = 8 * megabyte
    private static let defaults = MemoryPlan.Needs(cacheEntries: 65_536, loopCount: 4, servesTLS: true)

    @Test("a plan uses what there is and no more", arguments: [0, 4096, 65_536, 100_000], [false, true])
    func total(cacheEntries: Int, servesTLS: Bool) {
        let needs = MemoryPlan.Needs(cacheEntries: cacheEntries, loopCount: 4, servesTLS: servesTLS)
        for total in stride(from: 4 * Self.megabyte, through: 64 * Self.megabyte, by: 123_457) {
            guard let plan = try? MemoryPlan(total: total, needs: needs) else { continue }
            #expect(plan.byteCount <= total)
            #expect(plan.byteCount > total - 4096)
            #expect(plan[.own] >= Self.megabyte && plan[.requests] >= Self.megabyte)
        }
    }

    @Test("what is too little names what would do")
    func tooSmall() throws {
        let error = try #require(throws: MemoryPlan.TooSmall.self) {
            try MemoryPlan(total: 4 * Self.megabyte, needs: Self.defaults)
        }
        #expect((4 * Self.megabyte...Self.debian).contains(error.byteCountNeeded))
        let plan = try MemoryPlan(total: error.byteCountNeeded, needs: Self.defaults)
        #expect(plan.byteCount <= error.byteCountNeeded)
    }

    @Test("what is locked is what the plan says", arguments: [Self.debian, 64 * Self.megabyte])
    func locked(total: Int) throws {
        let plan = try MemoryPlan(total: total, needs: Self.defaults)
        let memory = try SecretMemory(plan, allowUnlocked: true)
        _ = try memory.makeVault(capacity: 65_536)
        let guards = 2 * 4096 * (MemoryShare.allCases.count + 2)
        #expect(memory.lockedByteCount + guards == plan.byteCount)
    }

    @Test("all of a plan can be locked under its limit")
    func underLimit() async {
        await #expect(processExitsWith: .success) {
            try TestProcess.limitLockedMemory(to: 8 << 20)
            #expect(LockableMemory.byteCount(upTo: 64 << 20) == 8 << 20)
            #expect(LockableMemory.byteCount(upTo: 6 << 20) == 6 << 20)
            let needs = MemoryPlan.Needs(cacheEntries: 65_536, loopCount: 4, servesTLS: true)
            let memory = try SecretMemory(MemoryPlan(total: 8 << 20, needs: needs), allowUnlocked: false)
            _ = try memory.makeVault(capacity: 65_536)
            #expect(memory.kind < .unlocked)
        }
    }
}
