// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import LockedMemory

struct BoundedBlocksTests {
    private let memory: SecretMemory

    init() throws { self.memory = try SecretMemory(slotCount: 1, heapByteCountMax: 1 << 20, allowUnlocked: true) }

    @Test func theyAreLockedUpToTheBoundAndOrdinaryBeyond() throws {
        let blocks = BoundedBlocks(in: self.memory, upTo: 3_000)
        let first = unsafe blocks.allocate(1_000)
        let second = unsafe blocks.allocate(1_000)
        #expect(self.memory.heap.blocksInUse == 2)
        let third = unsafe blocks.allocate(1_000)
        let isThere = unsafe third != nil
        #expect(isThere)
        #expect(self.memory.heap.blocksInUse == 2)

        unsafe blocks.release(first)
        let fourth = unsafe blocks.allocate(1_000)
        #expect(self.memory.heap.blocksInUse == 2)
        for block in unsafe [second, third, fourth] { unsafe blocks.release(block) }
        #expect(self.memory.heap.blocksInUse == 0)
    }

    @Test func whatIsMovedKeepsItsBytes() throws {
        let blocks = BoundedBlocks(in: self.memory, upTo: 100)
        var block = unsafe blocks.allocateZeroed(10, 4)
        let isZero = (0..<40).allSatisfy { unsafe block?.load(fromByteOffset: $0, as: UInt8.self) == 0 }
        #expect(isZero)
        unsafe block?.storeBytes(of: 0x0123_4567, toByteOffset: 36, as: UInt32.self)
        for byteCount in [400, 40] {
            unsafe block = unsafe blocks.reallocate(block, byteCount)
            let kept = unsafe block?.load(fromByteOffset: 36, as: UInt32.self)
            #expect(kept == 0x0123_4567)
        }
        unsafe blocks.release(block)
        let absurd = unsafe blocks.allocateZeroed(.max, 2)
        let isNothing = unsafe absurd == nil
        #expect(isNothing)
        #expect(self.memory.heap.blocksInUse == 0)
    }
}
