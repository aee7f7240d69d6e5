// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import LockedMemory

@Suite struct AllocationFaultsTests {
    private static func memory(_ faults: AllocationFaults) throws -> SecretMemory {
        try SecretMemory(slotCount: 1, heapByteCountMax: 1 << 16, allowUnlocked: true, faults: faults)
    }

    @Test("the chosen blocks are refused, and nothing else")
    func chosenBlocks() throws {
        let faults = AllocationFaults(of: [.share(.clients)])
        let memory = try Self.memory(faults)
        /// Which of so many blocks are refused, by their numbers.
        func refused(of count: Int, from share: MemoryShare) -> [Int] {
            (1...count)
                .filter { _ in
                    guard let block = memory.allocate(100, from: share) else { return true }
                    memory.release(block)
                    return false
                }
        }
        #expect(refused(of: 3, from: .clients) == [])
        faults.begin(refusing: 2..<4)
        #expect(refused(of: 5, from: .own) == [])
        #expect(refused(of: 5, from: .clients) == [2, 3])
        let (count, refusals) = faults.end()
        #expect(count == 5)
        #expect(refusals == 2)
        #expect(refused(of: 3, from: .clients) == [])
        #expect(memory.heap(.clients).blocksInUse == 0)
    }

    @Test("a refusal is counted as a lack of memory is, and leaves a block as it was")
    func looksLikeALack() throws {
        let faults = AllocationFaults(of: [.share(.own), .share(.clients), .ordinary])
        let memory = try Self.memory(faults)
        let block = try #require(memory.allocate(100, from: .own))
        block.storeBytes(of: 42, toByteOffset: 99, as: UInt8.self)
        let ordinary = try #require(memory.allocateOrdinary(100))
        let before = RefusedAllocations.onThisThread
        faults.begin(refusing: 1..<Int.max)
        #expect(memory.allocate(100, from: .clients) == nil)
        #expect(memory.reallocate(block, 200, from: .own) == nil)
        #expect(memory.reallocate(block, 200, from: .clients) == nil)
        #expect(RefusedAllocations.onThisThread - before == 3)
        #expect(memory.refusedAllocations == 3)
        #expect(memory.allocateOrdinary(100) == nil)
        #expect(memory.reallocate(ordinary, 50, from: nil) == nil)
        #expect(faults.end().count == 5)
        #expect(block.load(fromByteOffset: 99, as: UInt8.self) == 42)
        memory.release(block)
        memory.release(ordinary)
        #expect(memory.heap(.own).blocksInUse == 0)
        #expect(memory.overflowByteCount == 0)
    }

    @Test("a block of a heap becomes shorter without being counted, and each that grows counts once")
    func countsOnce() throws {
        let faults = AllocationFaults(of: [.share(.own)])
        let memory = try Self.memory(faults)
        var block = try #require(memory.allocate(1000, from: .own))
        faults.begin(refusing: 0..<0)
        for byteCount in [500, 2000, 8000, 100] {
            block = try #require(memory.reallocate(block, byteCount, from: .own))
        }
        #expect(faults.end().count == 2)
        memory.release(block)
    }

    @Test("other threads are left alone where one is named")
    func otherThreads() throws {
        let faults = AllocationFaults(of: [.share(.own)], onThreadsNamed: "no thread's name")
        let memory = try Self.memory(faults)
        faults.begin(refusing: 1..<Int.max)
        let block = try #require(memory.allocate(100, from: .own))
        memory.release(block)
        #expect(faults.end().count == 0)
    }
}
