// SPDX-License-Identifier: Apache-2.0

import CLinux
import Synchronization

/// Blocks of locked memory of any size, in one region that is locked when the heap is made.
///
/// Allocating and releasing take a lock and constant time. Free neighbours are joined at once, so a heap without blocks
/// is one free block again, whatever its blocks were. A released block is wiped. Pages take memory when they are first
/// touched.
package final class LockedHeap: Sendable {
    let kind: LockedMemoryKind
    let lockedByteCount: Int
    /// Stands in each block's header, for ``SecretMemory`` to find the heap by.
    let number: UInt8
    let state: Mutex<HeapRegion>

    /// Blocks that are allocated and not released.
    package var blocksInUse: Int { self.state.withLock { $0.blocksInUse } }
    /// Bytes of those blocks, with what the heap adds to each.
    package var byteCountInUse: Int { self.state.withLock { $0.byteCountInUse } }

    /// The longest payload. A library that wants more, as scrypt does with 16 MiB, would take the memory of everything else.
    var payloadByteCountMax: Int { min(3 << 20, HeapRegion.payloadByteCountMax(of: self.lockedByteCount)) }

    /// - Parameter byteCount: rounded up to whole pages.
    /// - Throws: `.cannotLock`, see ``LockedRegion``.
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

    /// A block of `byteCount` bytes, all zero, aligned to 16.
    ///
    /// - Throws: `.exhausted`.
    package func allocate(byteCount: Int) throws(LockedMemoryError) -> UnsafeMutableRawPointer {
        guard byteCount <= self.payloadByteCountMax else { throw .exhausted }
        let mark = BlockHeader.allocated | UInt32(self.number)
        let address = self.state.withLock { UInt(bitPattern: unsafe $0.allocate(byteCount, mark: mark)) }
        guard let payload = unsafe UnsafeMutableRawPointer(bitPattern: address) else { throw .exhausted }
        return unsafe payload
    }

    /// Wipes a block and takes it back.
    package func release(_ payload: UnsafeMutableRawPointer) {
        let byteCount = unsafe Int(BlockHeader.ofAllocated(payload: payload).payloadByteCount)
        unsafe Canary.check(at: payload + byteCount)
        unsafe keyside_wipe(payload, byteCount + Canary.byteCount)
        let block = unsafe UInt(bitPattern: payload - BlockHeader.byteCount)
        self.state.withLock { region in
            if let block = unsafe UnsafeMutableRawPointer(bitPattern: block) { unsafe region.release(block) }
        }
    }

    /// The block with `byteCount` bytes: the same one if it can be made longer or shorter where it is, else a new one; the
    /// old one is wiped.
    ///
    /// - Throws: `.exhausted`, and the block is as it was.
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
        // What is cut off must be zero before another thread can be given it.
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
