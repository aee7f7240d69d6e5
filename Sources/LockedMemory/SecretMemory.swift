// SPDX-License-Identifier: Apache-2.0

/// Where a process keeps its secrets: slots for keys, a heap for longer and for foreign ones.
///
/// One for each process, made at start and handed to whatever makes a ``Secret``.
package final class SecretMemory: Sendable {
    let arena: LockedArena
    /// For the modules that wrap a C library and have it allocate here. Everybody else makes a ``Secret``.
    package let heap: LockedHeap
    /// For bytes on their way in and out, apart from the heap: clients that send much must leave OpenSSL its memory.
    let transit: LockedHeap

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
        self.arena = try LockedArena(capacity: slotCount, allowUnlocked: allowUnlocked)
        self.heap = try LockedHeap(byteCountMax: heapByteCountMax, allowUnlocked: allowUnlocked)
        self.transit = try LockedHeap(byteCountMax: Self.transitByteCountMax, allowUnlocked: allowUnlocked)
    }

    /// The worst kind of memory in use.
    package var kind: LockedMemoryKind { max(self.arena.kind, self.heap.kind, self.transit.kind) }

    /// Bytes that are locked at present, in use or not.
    package var lockedByteCount: Int {
        self.arena.lockedByteCount + self.heap.lockedByteCount + self.transit.lockedByteCount
    }

    /// Secrets in slots at present.
    package var slotsInUse: Int { self.arena.slotsInUse }
}
