// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

@testable import LockedMemory

struct LockedHeapTests {
    @Test(
        "A block holds what was asked for, aligned, and ends without a trace",
        arguments: [
            0, 1, 7, 8, 9, 24, 25, 40, 41, 72, 73, 1000, 4096, 65536,
        ]
    )
    func block(_ byteCount: Int) throws {
        let heap = try LockedHeap(byteCount: 8 << 20, allowUnlocked: true)
        for seed in 1...2 {
            let address = try heap.allocate(byteCount: byteCount)
            #expect(UInt(bitPattern: address).isMultiple(of: 16))
            let bytes = UnsafeMutableRawBufferPointer(start: address, count: byteCount)
            // But for the canary, which stands where no byte was asked for.
            #expect(bytes.allSatisfy { $0 == 0 })
            bytes.copyBytes(from: pattern(byteCount, seed: seed))
            #expect(bytes.elementsEqual(pattern(byteCount, seed: seed)))
            #expect(heap.blocksInUse == 1)
            heap.release(address)
            // But for the links of a free block, which lead nowhere: it is the only one.
            #expect(bytes.allSatisfy { $0 == 0 })
            #expect(heap.blocksInUse == 0)
        }
    }

    @Test("A block that moves leaves nothing where it was")
    func moves() throws {
        let heap = try LockedHeap(byteCount: 1 << 20, allowUnlocked: true)
        let block = try heap.allocate(byteCount: 100)
        block.copyMemory(from: pattern(100), byteCount: 100)
        let neighbour = try heap.allocate(byteCount: 100)
        let moved = try heap.reallocate(block, byteCount: 1000)
        #expect(moved != block)
        #expect(UnsafeRawBufferPointer(start: block, count: 100).allSatisfy { $0 == 0 })
        heap.release(neighbour)
        #expect(UnsafeRawBufferPointer(start: moved, count: 100).elementsEqual(pattern(100)))
    }

    @Test("A block that shrinks in its place forgets what is cut off")
    func shrinks() throws {
        let heap = try LockedHeap(byteCount: 1 << 20, allowUnlocked: true)
        let block = try heap.allocate(byteCount: 100)
        block.copyMemory(from: pattern(100), byteCount: 100)
        #expect(try heap.reallocate(block, byteCount: 60) == block)
        #expect(UnsafeRawBufferPointer(start: block, count: 60).elementsEqual(pattern(60)))
        // Behind the canary, up to the header of the block that was cut off.
        #expect(UnsafeRawBufferPointer(start: block + 68, count: 12).allSatisfy { $0 == 0 })
        heap.release(block)
    }

    @Test("A heap that is used up says so, and what is released can be had again")
    func limit() throws {
        let heap = try LockedHeap(byteCount: 1 << 20, allowUnlocked: true)
        let blocks = try (1...2).map { _ in try heap.allocate(byteCount: 400_000) }
        #expect(throws: LockedMemoryError.exhausted) { try heap.allocate(byteCount: 400_000) }
        #expect(throws: LockedMemoryError.exhausted) { try heap.reallocate(blocks[0], byteCount: 900_000) }
        heap.release(blocks[0])
        heap.release(try heap.allocate(byteCount: 400_000))
        heap.release(blocks[1])
        #expect(heap.lockedByteCount == 1 << 20)
    }

    @Test("The longest block is the whole heap, up to a limit", arguments: [1 << 20, 8 << 20])
    func longest(byteCount: Int) throws {
        let heap = try LockedHeap(byteCount: byteCount, allowUnlocked: true)
        #expect(heap.payloadByteCountMax <= 3 << 20)
        heap.release(try heap.allocate(byteCount: heap.payloadByteCountMax))
        #expect(throws: LockedMemoryError.exhausted) { try heap.allocate(byteCount: heap.payloadByteCountMax + 1) }
        #expect(throws: LockedMemoryError.exhausted) { try heap.allocate(byteCount: .max) }
    }

    @Test("A heap that the kernel does not lock is refused")
    func lockLimit() async {
        await #expect(processExitsWith: .success) {
            try TestProcess.limitLockedMemory(to: 600 * 1024)
            #expect(throws: LockedMemoryError.cannotLock(byteCount: 1 << 20, limit: 600 * 1024, code: ENOMEM)) {
                try LockedHeap(byteCount: 1 << 20, allowUnlocked: false)
            }
            let heap = try LockedHeap(byteCount: 512 * 1024, allowUnlocked: false)
            heap.release(try heap.allocate(byteCount: 400_000))
        }
    }

    @Test("Writing past a block's end stops the process", arguments: [0, 24, 100])
    func damage(_ byteCount: Int) async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { [byteCount] in
            let heap = try LockedHeap(byteCount: 1 << 20, allowUnlocked: true)
            let block = try heap.allocate(byteCount: byteCount)
            (block + byteCount).storeBytes(of: ~(block + byteCount).load(as: UInt8.self), as: UInt8.self)
            heap.release(block)
        }
        #expect(said("past the end of a secret", result))
    }

    @Test("Releasing a block twice stops the process")
    func releasedTwice() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let heap = try LockedHeap(byteCount: 1 << 20, allowUnlocked: true)
            let block = try heap.allocate(byteCount: 100)
            heap.release(block)
            heap.release(block)
        }
        #expect(said("a pointer that is no allocated block was released", result))
    }

    @Test("Threads do not get each other's blocks")
    func threads() async throws {
        let heap = try LockedHeap(byteCount: 4 << 20, allowUnlocked: true)
        await withTaskGroup { group in
            for worker in 1...8 {
                group.addTask {
                    for round in 1...1000 {
                        let bytes = pattern(round % 200, seed: worker)
                        guard let block = try? heap.allocate(byteCount: bytes.count) else { continue }
                        block.copyMemory(from: bytes, byteCount: bytes.count)
                        #expect(UnsafeRawBufferPointer(start: block, count: bytes.count).elementsEqual(bytes))
                        heap.release(block)
                    }
                }
            }
        }
        #expect(heap.blocksInUse == 0)
    }
}
