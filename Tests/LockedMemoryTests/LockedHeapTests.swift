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
        let heap = try LockedHeap(byteCountMax: 8 << 20, allowUnlocked: true)
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
            // A free block's first word is the address of the next one: here there is none.
            #expect(bytes.allSatisfy { $0 == 0 })
            #expect(heap.blocksInUse == 0)
        }
    }

    @Test("Each number of bytes has the smallest class that holds it")
    func classes() throws {
        let heap = try LockedHeap(byteCountMax: 7 << 20, allowUnlocked: true)
        // Were a class too small, this block's bytes would be over the canary of the one before, of its class.
        for byteCount in 0...3000 {
            let blocks = try (1...3)
                .map { seed in
                    let address = try heap.allocate(byteCount: byteCount)
                    UnsafeMutableRawBufferPointer(start: address, count: byteCount)
                        .copyBytes(from: pattern(byteCount, seed: seed))
                    return address
                }
            for (index, address) in blocks.enumerated() {
                let bytes = UnsafeRawBufferPointer(start: address, count: byteCount)
                #expect(bytes.elementsEqual(pattern(byteCount, seed: index + 1)))
                heap.release(address)
            }
        }
        // 32 classes up to 3 KiB and their neighbours' canaries: far less than a chunk.
        #expect(heap.lockedByteCount == 512 * 1024)
    }

    @Test("Any sequence of calls keeps every block's bytes", arguments: UInt64(1)...20)
    func sequences(_ seed: UInt64) throws {
        let heap = try LockedHeap(byteCountMax: 32 << 20, allowUnlocked: true)
        var generator = SplitMix(state: seed)
        var blocks: [(address: UnsafeMutableRawPointer, bytes: [UInt8])] = []
        for step in 1...2000 {
            let byteCount = Int.random(in: 0...(1 << Int.random(in: 1...14, using: &generator)), using: &generator)
            switch Int.random(in: 0...4, using: &generator) {
            case 0, 1:
                let bytes = pattern(byteCount, seed: step)
                let address = try heap.allocate(byteCount: byteCount)
                address.copyMemory(from: bytes, byteCount: byteCount)
                blocks.append((address, bytes))
            case 2 where !blocks.isEmpty:
                let index = Int.random(in: blocks.indices, using: &generator)
                let kept = Array(blocks[index].bytes.prefix(byteCount))
                let address = try heap.reallocate(blocks[index].address, byteCount: byteCount)
                #expect(UnsafeRawBufferPointer(start: address, count: kept.count).elementsEqual(kept))
                let bytes = pattern(byteCount, seed: step)
                address.copyMemory(from: bytes, byteCount: byteCount)
                blocks[index] = (address, bytes)
            default:
                guard let last = blocks.indices.randomElement(using: &generator) else { continue }
                let (address, bytes) = blocks.remove(at: last)
                #expect(UnsafeRawBufferPointer(start: address, count: bytes.count).elementsEqual(bytes))
                heap.release(address)
            }
        }
        #expect(heap.blocksInUse == blocks.count)
        for (address, bytes) in blocks {
            #expect(UnsafeRawBufferPointer(start: address, count: bytes.count).elementsEqual(bytes))
            heap.release(address)
        }
        #expect(heap.blocksInUse == 0)
    }

    @Test("A block that moves leaves nothing where it was")
    func moves() throws {
        let heap = try LockedHeap(byteCountMax: 1 << 20, allowUnlocked: true)
        let block = try heap.allocate(byteCount: 100)
        block.copyMemory(from: pattern(100), byteCount: 100)
        let moved = try heap.reallocate(block, byteCount: 1000)
        #expect(moved != block)
        #expect(UnsafeRawBufferPointer(start: block, count: 100).allSatisfy { $0 == 0 })
        #expect(UnsafeRawBufferPointer(start: moved, count: 100).elementsEqual(pattern(100)))
    }

    @Test("A block that shrinks in its place forgets what is cut off")
    func shrinks() throws {
        let heap = try LockedHeap(byteCountMax: 1 << 20, allowUnlocked: true)
        let block = try heap.allocate(byteCount: 100)
        block.copyMemory(from: pattern(100), byteCount: 100)
        #expect(try heap.reallocate(block, byteCount: 60) == block)
        #expect(UnsafeRawBufferPointer(start: block, count: 60).elementsEqual(pattern(60)))
        // Behind the canary.
        #expect(UnsafeRawBufferPointer(start: block + 68, count: 32).allSatisfy { $0 == 0 })
        heap.release(block)
    }

    @Test("The heap grows to its limit, and what is released can be had again")
    func limit() throws {
        let heap = try LockedHeap(byteCountMax: 1 << 20, allowUnlocked: true)
        let blocks = try (1...2).map { _ in try heap.allocate(byteCount: 400_000) }
        #expect(heap.lockedByteCount == 1 << 20)
        #expect(throws: LockedMemoryError.exhausted) { try heap.allocate(byteCount: 400_000) }
        #expect(throws: LockedMemoryError.exhausted) { try heap.reallocate(blocks[0], byteCount: 900_000) }
        heap.release(blocks[0])
        heap.release(try heap.allocate(byteCount: 400_000))
        heap.release(blocks[1])
        #expect(heap.lockedByteCount == 1 << 20)
    }

    @Test("What would be there can be had, and no more")
    func room() throws {
        let heap = try LockedHeap(byteCountMax: 1 << 20, allowUnlocked: true)
        let perChunk = (512 << 10) / (24 << 10)
        #expect(
            heap.hasRoom(forBlocks: 2 * perChunk, of: 17_000) && !heap.hasRoom(forBlocks: 2 * perChunk + 1, of: 17_000))
        let blocks = try (0..<2 * perChunk).map { _ in try heap.allocate(byteCount: 17_000) }
        #expect(heap.hasRoom(forBlocks: 0, of: 17_000) && !heap.hasRoom(forBlocks: 1, of: 17_000))
        for block in blocks.prefix(3) { heap.release(block) }
        #expect(heap.hasRoom(forBlocks: 3, of: 17_000) && !heap.hasRoom(forBlocks: 4, of: 17_000))
        #expect(!heap.hasRoom(forBlocks: 1, of: 40_000), "blocks are not joined")
        for block in blocks.dropFirst(3) { heap.release(block) }
    }

    @Test("There is a longest block")
    func longest() throws {
        let heap = try LockedHeap(byteCountMax: 64 << 20, allowUnlocked: true)
        heap.release(try heap.allocate(byteCount: LockedHeap.payloadByteCountMax))
        #expect(throws: LockedMemoryError.exhausted) {
            try heap.allocate(byteCount: LockedHeap.payloadByteCountMax + 1)
        }
    }

    @Test("A heap that may not lock another region says so, and goes on with what it has")
    func lockLimit() async {
        await #expect(processExitsWith: .success) {
            try TestProcess.limitLockedMemory(to: 600 * 1024)
            let heap = try LockedHeap(byteCountMax: 7 << 20, allowUnlocked: false)
            let block = try heap.allocate(byteCount: 400_000)
            #expect(heap.hasRoom(forBlocks: 1, of: 400_000), "nobody knows better")
            #expect(throws: LockedMemoryError.cannotLock(byteCount: 512 * 1024, limit: 600 * 1024, code: ENOMEM)) {
                try heap.allocate(byteCount: 400_000)
            }
            #expect(!heap.hasRoom(forBlocks: 1, of: 400_000))
            heap.release(block)
            #expect(heap.hasRoom(forBlocks: 1, of: 400_000) && !heap.hasRoom(forBlocks: 2, of: 400_000))
            heap.release(try heap.allocate(byteCount: 400_000))
        }
    }

    @Test("Writing past a block's end stops the process", arguments: [0, 24, 100])
    func damage(_ byteCount: Int) async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { [byteCount] in
            let heap = try LockedHeap(byteCountMax: 1 << 20, allowUnlocked: true)
            let block = try heap.allocate(byteCount: byteCount)
            (block + byteCount).storeBytes(of: ~(block + byteCount).load(as: UInt8.self), as: UInt8.self)
            heap.release(block)
        }
        #expect(said("past the end of a secret", result))
    }

    @Test("Releasing a block twice stops the process")
    func releasedTwice() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let heap = try LockedHeap(byteCountMax: 1 << 20, allowUnlocked: true)
            let block = try heap.allocate(byteCount: 100)
            heap.release(block)
            heap.release(block)
        }
        #expect(said("a block twice", result))
    }

    @Test("Threads do not get each other's blocks")
    func threads() async throws {
        let heap = try LockedHeap(byteCountMax: 4 << 20, allowUnlocked: true)
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

/// Random numbers from a seed: Steele, Lea and Flood, OOPSLA 2014.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
