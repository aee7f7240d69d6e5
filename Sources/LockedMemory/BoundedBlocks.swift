// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// malloc(3) and its kind for a C library that serves clients: in locked memory up to a bound, beyond it in ordinary
/// memory, so that clients cannot take what other parts need to be locked. Either way wiped when it is released.
///
/// A block is `[byte count, 8 bytes][1 if it is locked, 8 bytes][payload]`.
package final class BoundedBlocks: Sendable {
    private let heap: LockedHeap
    private let byteCountMax: Int
    private let lockedByteCount = Atomic(0)

    private static var headByteCount: Int { 16 }

    /// - Parameter byteCountMax: how much of the heap of `memory` they take at most.
    package init(in memory: SecretMemory, upTo byteCountMax: Int) {
        self.heap = memory.heap
        self.byteCountMax = byteCountMax
    }

    /// A block aligned to 16; of no bytes too, since C libraries take a null pointer for a lack of memory. Nil only where
    /// `byteCount` is absurd.
    @unsafe package func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer? {
        let (total, isTooMuch) = byteCount.addingReportingOverflow(Self.headByteCount)
        guard byteCount >= 0, !isTooMuch else { return nil }
        let locked = unsafe self.allocateLocked(total)
        let block = unsafe locked ?? .allocate(byteCount: total, alignment: 16)
        unsafe block.storeBytes(of: byteCount, as: Int.self)
        unsafe block.storeBytes(of: locked == nil ? 0 : 1, toByteOffset: 8, as: Int.self)
        return unsafe block + Self.headByteCount
    }

    @unsafe private func allocateLocked(_ byteCount: Int) -> UnsafeMutableRawPointer? {
        guard self.lockedByteCount.wrappingAdd(byteCount, ordering: .relaxed).newValue <= self.byteCountMax,
            let block = try? unsafe self.heap.allocate(byteCount: byteCount)
        else {
            self.lockedByteCount.wrappingSubtract(byteCount, ordering: .relaxed)
            return nil
        }
        return unsafe block
    }

    @unsafe package func allocateZeroed(_ count: Int, _ byteCount: Int) -> UnsafeMutableRawPointer? {
        let (total, isTooMuch) = count.multipliedReportingOverflow(by: byteCount)
        guard !isTooMuch, let payload = unsafe self.allocate(total) else { return nil }
        unsafe payload.initializeMemory(as: UInt8.self, repeating: 0, count: total)
        return unsafe payload
    }

    @unsafe package func reallocate(
        _ payload: UnsafeMutableRawPointer?, _ byteCount: Int
    ) -> UnsafeMutableRawPointer? {
        guard let payload = unsafe payload else { return unsafe self.allocate(byteCount) }
        guard let moved = unsafe self.allocate(byteCount) else { return nil }
        let old = unsafe (payload - Self.headByteCount).load(as: Int.self)
        unsafe moved.copyMemory(from: payload, byteCount: min(old, byteCount))
        unsafe self.release(payload)
        return unsafe moved
    }

    @unsafe package func release(_ payload: UnsafeMutableRawPointer?) {
        guard let payload = unsafe payload else { return }
        let block = unsafe payload - Self.headByteCount
        let byteCount = unsafe block.load(as: Int.self)
        if unsafe block.load(fromByteOffset: 8, as: Int.self) == 1 {
            unsafe self.heap.release(block)
            self.lockedByteCount.wrappingSubtract(byteCount + Self.headByteCount, ordering: .relaxed)
        } else {
            unsafe wipe(UnsafeMutableRawBufferPointer(start: payload, count: byteCount))
            unsafe block.deallocate()
        }
    }
}
