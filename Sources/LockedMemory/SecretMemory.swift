// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// The memory for the secrets of a process: slots for keys, and a heap for each ``MemoryShare``.
///
/// One per process, created at start. All memory is locked at start, so the kernel's limit cannot be hit later.
package final class SecretMemory: Sendable {
    /// The division of the memory.
    package let plan: MemoryPlan
    let arena: LockedArena
    /// In the order of ``MemoryShare``.
    private let heaps: [LockedHeap]
    /// The heap for longer secrets.
    let secretShare: MemoryShare

    private let allowUnlocked: Bool
    private let vaults: VaultTotals
    private let overflow: Overflow
    /// Nil but in tests.
    private let faults: AllocationFaults?

    private final class VaultTotals: Sendable {
        let state = Mutex((lockedByteCount: 0, kind: LockedMemoryKind.memfdSecret))
    }

    private final class Overflow: Sendable {
        let byteCount = Atomic(0)
        let refusals = Atomic(0)
    }

    /// The heap number in the headers of blocks of ordinary memory.
    private static let ordinary: UInt8 = 0xff
    /// Maximum length of a buffer in ``MemoryShare/smallTransit``.
    package static let smallTransitByteCountMax = 4096

    /// - Parameter faults: which allocations to refuse, for tests.
    /// - Throws: `.cannotLock` when the kernel locks too little.
    package init(
        _ plan: MemoryPlan, allowUnlocked: Bool, faults: AllocationFaults? = nil
    ) throws(LockedMemoryError) {
        self.plan = plan
        self.faults = faults
        self.allowUnlocked = allowUnlocked
        self.secretShare = .requests
        self.arena = try LockedArena(capacity: plan.slotCount, allowUnlocked: allowUnlocked)
        var heaps: [LockedHeap] = []
        for share in MemoryShare.allCases {
            heaps.append(
                try LockedHeap(byteCount: plan[share], number: share.rawValue, allowUnlocked: allowUnlocked))
        }
        self.heaps = heaps
        self.vaults = VaultTotals()
        self.overflow = Overflow()
    }

    /// Equal shares for the agent's own use and for requests, for commands and tests.
    package convenience init(
        slotCount: Int = MemoryPlan.defaultSlotCount, heapByteCountMax: Int = SecretMemory.defaultHeapByteCountMax,
        allowUnlocked: Bool, faults: AllocationFaults? = nil
    ) throws(LockedMemoryError) {
        let plan = MemoryPlan(
            slotCount: slotCount, own: heapByteCountMax, requests: heapByteCountMax, transit: 1 << 20,
            smallTransit: 64 << 10, clients: 512 << 10, records: 256 << 10)
        try self.init(plan, allowUnlocked: allowUnlocked, faults: faults)
    }

    /// Bytes of each share in commands and tests, if the kernel allows them.
    package static let defaultHeapByteCountMax = 32 << 20

    private init(_ other: SecretMemory, secretShare: MemoryShare) {
        self.plan = other.plan
        self.allowUnlocked = other.allowUnlocked
        self.arena = other.arena
        self.heaps = other.heaps
        self.vaults = other.vaults
        self.overflow = other.overflow
        self.faults = other.faults
        self.secretShare = secretShare
    }

    /// The same memory for the agent's own secrets, such as credentials. Requests cannot use that share.
    package var ownSecrets: SecretMemory { SecretMemory(self, secretShare: .own) }

    /// The heap of a share.
    package func heap(_ share: MemoryShare) -> LockedHeap { self.heaps[Int(share.rawValue)] }

    // MARK: Blocks

    /// Allocates a zeroed block of `byteCount` bytes, aligned to 16. For modules that wrap a C library.
    ///
    /// - Returns: nil if the share is full, and for shares that overflow, if there is no ordinary memory.
    @unsafe package func allocate(_ byteCount: Int, from share: MemoryShare) -> UnsafeMutableRawPointer? {
        if let faults = self.faults, faults.refuse(.share(share)) {
            self.noteRefusal(of: byteCount, from: share)
            return nil
        }
        return unsafe self.block(of: byteCount, from: share)
    }

    private func block(of byteCount: Int, from share: MemoryShare) -> UnsafeMutableRawPointer? {
        do throws(LockedMemoryError) {
            return try unsafe self.heap(share).allocate(byteCount: byteCount)
        } catch {
            if share.overflows, let block = unsafe self.ordinaryBlock(of: byteCount) { return unsafe block }
            self.noteRefusal(of: byteCount, from: share)
            return nil
        }
    }

    private func noteRefusal(of byteCount: Int, from share: MemoryShare) {
        // A block that is longer than any can be is not a lack of memory: a retry would not help.
        guard byteCount <= self.heap(share).payloadByteCountMax else { return }
        RefusedAllocations.note()
        self.overflow.refusals.wrappingAdd(1, ordering: .relaxed)
    }

    /// The block with `byteCount` bytes, which may have moved. What it leaves is wiped.
    ///
    /// - Parameter share: the destination if it moves; nil for ordinary memory.
    /// - Returns: nil, without effect, if ``allocate(_:from:)`` would return nil.
    @unsafe package func reallocate(
        _ payload: UnsafeMutableRawPointer, _ byteCount: Int, from share: MemoryShare?
    ) -> UnsafeMutableRawPointer? {
        let header = unsafe BlockHeader.ofAllocated(payload: payload)
        let heap = self.heap(of: header).flatMap { $0.number == share?.rawValue ? $0 : nil }
        // A block of a heap becomes shorter where it is, which cannot fail.
        if let faults = self.faults, heap == nil || byteCount > Int(header.payloadByteCount),
            faults.refuse(share.map { .share($0) } ?? .ordinary)
        {
            if let share { self.noteRefusal(of: byteCount, from: share) }
            return nil
        }
        if let heap, let resized = try? unsafe heap.reallocate(payload, byteCount: byteCount) {
            return unsafe resized
        }
        let moved =
            unsafe share.map { unsafe self.block(of: byteCount, from: $0) } ?? self.ordinaryBlock(of: byteCount)
        guard let moved = unsafe moved else { return nil }
        unsafe moved.copyMemory(from: payload, byteCount: min(byteCount, Int(header.payloadByteCount)))
        unsafe self.release(payload)
        return unsafe moved
    }

    /// Wipes a block and returns it to where it came from.
    @unsafe package func release(_ payload: UnsafeMutableRawPointer) {
        let header = unsafe BlockHeader.ofAllocated(payload: payload)
        if let heap = self.heap(of: header) {
            unsafe heap.release(payload)
        } else {
            unsafe self.releaseOrdinary(payload, Int(header.payloadByteCount))
        }
    }

    /// Allocates a transit buffer. Small ones have a separate share, so that large ones cannot force a data key out of
    /// locked memory; when it is full, they use the share of the large ones.
    @unsafe func allocateTransit(_ byteCount: Int) -> UnsafeMutableRawPointer? {
        if byteCount <= Self.smallTransitByteCountMax,
            let block = try? unsafe self.heap(.smallTransit).allocate(byteCount: byteCount)
        {
            return unsafe block
        }
        return unsafe self.allocate(byteCount, from: .transit)
    }

    private func heap(of header: BlockHeader) -> LockedHeap? {
        header.heapNumber.flatMap { $0 < self.heaps.count ? self.heaps[Int($0)] : nil }
    }

    /// Allocates ordinary memory for data that is not secret. Wiped on release.
    @unsafe package func allocateOrdinary(_ byteCount: Int) -> UnsafeMutableRawPointer? {
        if let faults = self.faults, faults.refuse(.ordinary) { return nil }
        return unsafe self.ordinaryBlock(of: byteCount)
    }

    private func ordinaryBlock(of byteCount: Int) -> UnsafeMutableRawPointer? {
        let (total, isTooMuch) = byteCount.addingReportingOverflow(BlockHeader.byteCount + Canary.byteCount)
        guard byteCount >= 0, !isTooMuch, byteCount <= UInt32.max, let block = unsafe calloc(1, total) else {
            return nil
        }
        unsafe block.storeBytes(
            of: BlockHeader(
                mark: BlockHeader.allocated | UInt32(Self.ordinary), units: 0, previousUnits: 0,
                payloadByteCount: UInt32(byteCount)),
            as: BlockHeader.self)
        unsafe Canary.plant(at: block + BlockHeader.byteCount + byteCount)
        self.overflow.byteCount.wrappingAdd(total, ordering: .relaxed)
        return unsafe block + BlockHeader.byteCount
    }

    private func releaseOrdinary(_ payload: UnsafeMutableRawPointer, _ byteCount: Int) {
        unsafe Canary.check(at: payload + byteCount)
        let total = byteCount + BlockHeader.byteCount + Canary.byteCount
        let block = unsafe payload - BlockHeader.byteCount
        unsafe wipe(UnsafeMutableRawBufferPointer(start: block, count: total))
        unsafe free(block)
        self.overflow.byteCount.wrappingSubtract(total, ordering: .relaxed)
    }

    // MARK: Usage

    /// The worst kind of memory in use.
    package var kind: LockedMemoryKind {
        self.heaps.reduce(max(self.arena.kind, self.vaults.state.withLock(\.kind))) { max($0, $1.kind) }
    }

    /// Locked bytes, in use or not.
    package var lockedByteCount: Int {
        self.heaps.reduce(self.arena.lockedByteCount + self.vaults.state.withLock(\.lockedByteCount)) {
            $0 + $1.lockedByteCount
        }
    }

    /// Bytes of ordinary memory in use because clients' shares are full.
    package var overflowByteCount: Int { self.overflow.byteCount.load(ordering: .relaxed) }

    /// Failed allocations of C libraries, on all threads.
    package var refusedAllocations: Int { self.overflow.refusals.load(ordering: .relaxed) }

    /// Creates a vault that lives as long as the agent.
    ///
    /// - Throws: `.cannotLock` if the kernel locks too little.
    package func makeVault(capacity: Int) throws(LockedMemoryError) -> SecretVault {
        let vault = try SecretVault(capacity: capacity, allowUnlocked: self.allowUnlocked)
        self.vaults.state.withLock { vaults in
            vaults.lockedByteCount += vault.lockedByteCount
            vaults.kind = max(vaults.kind, vault.kind)
        }
        return vault
    }

    /// Number of slots in use.
    package var slotsInUse: Int { self.arena.slotsInUse }
}
