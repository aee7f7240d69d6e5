// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import LockedMemory

@Suite struct SecretMemoryTests {
    private let memory: SecretMemory

    init() throws {
        self.memory = try SecretMemory(
            MemoryPlan(
                slotCount: 8, own: 1 << 16, requests: 1 << 16, transit: 1 << 16, smallTransit: 1 << 16,
                clients: 1 << 16),
            allowUnlocked: true)
    }

    /// Takes blocks until the share has no room left.
    private func fill(_ share: MemoryShare) -> [UnsafeMutableRawPointer] {
        var blocks: [UnsafeMutableRawPointer] = []
        while let block = try? self.memory.heap(share).allocate(byteCount: 1000) { blocks.append(block) }
        return blocks
    }

    @Test("a share that is used up refuses, or goes on in ordinary memory", arguments: MemoryShare.allCases)
    func exhaustion(of share: MemoryShare) throws {
        let blocks = self.fill(share)
        let refusedBefore = RefusedAllocations.onThisThread
        let further = self.memory.allocate(1000, from: share)
        #expect((further != nil) == share.overflows)
        #expect((self.memory.overflowByteCount > 0) == share.overflows)
        #expect(RefusedAllocations.onThisThread - refusedBefore == (share.overflows ? 0 : 1))
        if let further { self.memory.release(further) }
        for other in MemoryShare.allCases where other != share {
            let block = try #require(self.memory.allocate(100, from: other))
            #expect(self.memory.heap(other).blocksInUse == 1, "one share cannot take another's memory")
            self.memory.release(block)
        }
        for block in blocks { self.memory.release(block) }
        #expect(self.memory.heap(share).blocksInUse == 0)
        #expect(self.memory.overflowByteCount == 0)
    }

    @Test("a block keeps its bytes when it moves between locked and ordinary memory")
    func moves() throws {
        var block = try #require(self.memory.allocate(40, from: .clients))
        block.storeBytes(of: 0x0123_4567, toByteOffset: 36, as: UInt32.self)
        for byteCount in [1 << 17, 40, 1 << 18, 50_000] {
            block = try #require(self.memory.reallocate(block, byteCount, from: .clients))
            #expect(block.load(fromByteOffset: 36, as: UInt32.self) == 0x0123_4567)
        }
        #expect(self.memory.heap(.clients).blocksInUse == 1)
        self.memory.release(block)
        #expect(self.memory.overflowByteCount == 0)
    }

    @Test("an absurd length is refused", arguments: MemoryShare.allCases)
    func absurdLength(_ share: MemoryShare) {
        for byteCount in [Int.max, 1 << 40] {
            let block = self.memory.allocate(byteCount, from: share)
            #expect(block == nil)
        }
    }

    @Test("the agent's own secrets are out of the requests' reach")
    func ownSecrets() throws {
        let blocks = self.fill(.requests)
        #expect(throws: LockedMemoryError.exhausted) { _ = try Secret(byteCount: 4000, in: self.memory).byteCount }
        #expect(try Secret(byteCount: 4000, in: self.memory.ownSecrets).byteCount == 4000)
        for block in blocks { self.memory.release(block) }
    }

    @Test("the current share is the thread's, and ends with the call")
    func currentShare() {
        #expect(MemoryShare.current == .own)
        MemoryShare.clients.whileCurrent {
            #expect(MemoryShare.current == .clients)
            MemoryShare.records.whileCurrent { #expect(MemoryShare.current == .records) }
            #expect(MemoryShare.current == .clients)
        }
        #expect(MemoryShare.current == .own)
    }
}
