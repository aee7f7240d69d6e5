// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Where a process keeps its secrets: slots for keys, a heap for longer and for foreign ones.
///
/// One for each process, made at start and handed to whatever makes a ``Secret``.
package final class SecretMemory: Sendable {
    let arena: LockedArena
    /// For the modules that wrap a C library and have it allocate here. Everybody else makes a ``Secret``.
    package let heap: LockedHeap
    /// For bytes on their way in and out, apart from the heap: clients that send much must leave OpenSSL its memory.
    let transit: LockedHeap

    private let allowUnlocked: Bool
    private let vaults = Mutex(Vaults())

    private struct Vaults {
        var lockedByteCount = 0
        var kind = LockedMemoryKind.memfdSecret
    }

    /// A bound against requests without measure. The heap grows as it is needed, and where RLIMIT_MEMLOCK is lower (8 MiB,
    /// as Debian has it) the kernel says no before that: enough but for several bodies near a megabyte at a time.
    package static let defaultHeapByteCountMax = 32 << 20
    /// What clients send much of must leave the rest its memory.
    package static let transitByteCountMax = 1 << 20

    /// - Parameters:
    ///   - slotCount: how many secrets of at most 56 bytes there can be at a time.
    ///   - heapByteCountMax: how many bytes all longer secrets and the C libraries may take.
    ///   - allowUnlocked: whether ordinary memory will do when none can be locked.
    /// - Throws: `.cannotLock` when the kernel locks too little.
    package init(
        slotCount: Int = 4096,
        heapByteCountMax: Int = SecretMemory.defaultHeapByteCountMax,
        allowUnlocked: Bool
    ) throws(LockedMemoryError) {
        self.allowUnlocked = allowUnlocked
        self.arena = try LockedArena(capacity: slotCount, allowUnlocked: allowUnlocked)
        self.heap = try LockedHeap(byteCountMax: heapByteCountMax, allowUnlocked: allowUnlocked)
        self.transit = try LockedHeap(byteCountMax: Self.transitByteCountMax, allowUnlocked: allowUnlocked)
    }

    /// The worst kind of memory in use.
    package var kind: LockedMemoryKind {
        max(self.arena.kind, self.heap.kind, self.transit.kind, self.vaults.withLock(\.kind))
    }

    /// Bytes that are locked at present, in use or not.
    package var lockedByteCount: Int {
        self.arena.lockedByteCount + self.heap.lockedByteCount + self.transit.lockedByteCount
            + self.vaults.withLock(\.lockedByteCount)
    }

    /// Places for secrets that stay, for as long as the agent runs.
    ///
    /// - Throws: `.cannotLock` when the kernel locks too little; ``lockLimit(forVaultOf:)`` says what would do.
    package func makeVault(capacity: Int) throws(LockedMemoryError) -> SecretVault {
        let vault = try SecretVault(capacity: capacity, allowUnlocked: self.allowUnlocked)
        self.vaults.withLock { vaults in
            vaults.lockedByteCount += vault.lockedByteCount
            vaults.kind = max(vaults.kind, vault.kind)
        }
        return vault
    }

    /// What `RLIMIT_MEMLOCK` must be for a vault beside all that is locked already, with room for the heap to grow, in
    /// bytes, whole megabytes.
    package func lockLimit(forVaultOf capacity: Int) -> Int {
        let megabyte = 1 << 20
        let byteCount = self.lockedByteCount + capacity * SecretVault.placeByteCount + Self.heapReserveByteCount
        return (byteCount + megabyte - 1) / megabyte * megabyte
    }

    /// For what OpenSSL and libcurl take as connections come, guard pages included.
    private static let heapReserveByteCount = 2 << 20

    /// Secrets in slots at present.
    package var slotsInUse: Int { self.arena.slotsInUse }
}
