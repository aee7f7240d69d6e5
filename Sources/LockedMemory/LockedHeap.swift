// SPDX-License-Identifier: Apache-2.0

import CLinux
import Synchronization

/// Blocks of locked memory of any size, in one region that is locked at `init`.
///
/// Allocating and releasing take a lock and constant time. Free neighbours are joined at once, so an empty heap is
/// always one free block. A released block is wiped. Pages need physical memory from their first use. Thread-safe.
package final class LockedHeap: Sendable {
    let kind: LockedMemoryKind
    let lockedByteCount: Int
    /// In each block's header, so that ``SecretMemory`` finds the heap of a block.
    let number: UInt8
    let state: Mutex<HeapRegion>

    /// Number of allocated blocks.
    package var blocksInUse: Int { self.state.withLock { $0.blocksInUse } }
    /// Bytes of allocated blocks, including the heap's overhead.
    package var byteCountInUse: Int { self.state.withLock { $0.byteCountInUse } }

    /// Maximum payload. Limits libraries that request more, such as scrypt with 16 MiB, which would exhaust the heap.
    var payloadByteCountMax: Int { min(3 << 20, HeapRegion.payloadByteCountMax(of: self.lockedByteCount)) }

    /// - Parameter byteCount: rounded up to whole pages.
    /// - Throws: `.cannotLock`; see ``LockedRegion``.
    init(byteCount: Int, number: UInt8 = 0, allowUnlocked: Bool) throws(LockedMemoryError) {
        precondition(byteCount < BlockHeader.unitByteCount << 31, "lengths of blocks are kept in 32 bits")
        let region = try LockedRegion(
            byteCount: byteCount, comesWhenTouched: true, ownerWipes: true, allowUnlocked: allowUnlocked)
        self.kind = region.kind
        self.lockedByteCount = unsafe region.bytes.count
        self.number = number
        self.state = Mutex(HeapRegion(region))
    }

    deinit {
        // Free blocks are wiped already.
        self.state.withLock { region in
            unsafe region.forEachBlock { header, payload in
                if header.heapNumber != nil { unsafe wipe(payload) }
            }
        }
    }

    /// Allocates a zeroed block of `byteCount` bytes, aligned to 16.
    ///
    /// - Throws: `.exhausted`.
    package func allocate(byteCount: Int) throws(LockedMemoryError) -> UnsafeMutableRawPointer {
        guard byteCount <= self.payloadByteCountMax else { throw .exhausted }
        let mark = BlockHeader.allocated | UInt32(self.number)
        let address = self.state.withLock { UInt(bitPattern: unsafe $0.allocate(byteCount, mark: mark)) }
        guard let payload = unsafe UnsafeMutableRawPointer(bitPattern: address) else { throw .exhausted }
        return unsafe payload
    }

    /// Wipes and releases a block.
    package func release(_ payload: UnsafeMutableRawPointer) {
        let byteCount = unsafe Int(BlockHeader.ofAllocated(payload: payload).payloadByteCount)
        unsafe Canary.check(at: payload + byteCount)
        unsafe keyside_wipe(payload, byteCount + Canary.byteCount)
        let block = unsafe UInt(bitPattern: payload - BlockHeader.byteCount)
        self.state.withLock { region in
            if let block = unsafe UnsafeMutableRawPointer(bitPattern: block) { unsafe region.release(block) }
        }
    }

    /// Resizes a block: in place if possible, otherwise by moving it; the old block is wiped.
    ///
    /// - Throws: `.exhausted`; the block is then unchanged.
    package func reallocate(
        _ payload: UnsafeMutableRawPointer, byteCount: Int
    ) throws(LockedMemoryError) -> UnsafeMutableRawPointer {
        let before = unsafe Int(BlockHeader.ofAllocated(payload: payload).payloadByteCount)
        unsafe Canary.check(at: payload + before)
        guard byteCount <= self.payloadByteCountMax else { throw .exhausted }
        let kept = min(before, byteCount)
        if unsafe self.resize(payload, from: before, to: byteCount) { return unsafe payload }
        let moved = try unsafe self.allocate(byteCount: byteCount)
        unsafe moved.copyMemory(from: payload, byteCount: kept)
        unsafe self.release(payload)
        return unsafe moved
    }

    private func resize(_ payload: UnsafeMutableRawPointer, from before: Int, to byteCount: Int) -> Bool {
        // The removed end must be zero before another thread can allocate it.
        if byteCount < before {
            unsafe keyside_wipe(payload + byteCount, before - byteCount + Canary.byteCount)
        }
        let block = unsafe UInt(bitPattern: payload - BlockHeader.byteCount)
        let isResized = self.state.withLock { region in
            guard let block = unsafe UnsafeMutableRawPointer(bitPattern: block) else { return false }
            return unsafe region.resize(block, to: byteCount)
        }
        guard isResized else { return false }
        if byteCount > before { unsafe keyside_wipe(payload + before, Canary.byteCount) }
        unsafe Canary.plant(at: payload + byteCount)
        return true
    }
}
