// SPDX-License-Identifier: Apache-2.0

import Glibc
import Primitives
import Synchronization
import TestSupport
import Testing

@testable import LockedMemory

/// Random calls to a heap, compared with a model that knows what each block must hold.
struct LockedHeapModelTests {
    @Test("After any load the heap serves any other that fits", arguments: UInt64(1)...40)
    func randomLoad(seed: UInt64) throws {
        var load = try RandomLoad(seed: seed)
        for step in 1...1500 {
            try load.step()
            if step.isMultiple(of: 250) { load.expectSoundHeap() }
        }
        load.releaseAll()
        load.expectSoundHeap()
        // One block again: the next load may be of any kind.
        let whole = try load.heap.allocate(byteCount: load.heap.payloadByteCountMax)
        #expect(isZero(UnsafeRawBufferPointer(start: whole, count: load.heap.payloadByteCountMax)))
        load.heap.release(whole)
    }
}

private struct RandomLoad {
    private struct Block {
        var address: UnsafeMutableRawPointer
        var byteCount: Int
        var fill: UInt8
    }

    let heap: LockedHeap
    private var generator: SeededGenerator
    private var blocks: [Block] = []
    /// The logarithm of the longest block: loads differ.
    private let logarithmMax: Int

    init(seed: UInt64) throws {
        self.heap = try LockedHeap(byteCount: 3 << 20, allowUnlocked: true)
        self.generator = SeededGenerator(seed: seed)
        self.logarithmMax = [6, 12, 16, 20][Int(seed % 4)]
    }

    private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self.generator) }

    private mutating func randomByteCount() -> Int {
        let logarithm = self.number(0...self.logarithmMax)
        return self.number(0...(1 << logarithm))
    }

    mutating func step() throws {
        switch self.number(0...9) {
        case 0...4:
            let byteCount = self.randomByteCount()
            guard let address = try? self.heap.allocate(byteCount: byteCount) else {
                self.expectNoRoom(for: byteCount)
                self.release(self.number(1...8))
                return
            }
            #expect(isZero(UnsafeRawBufferPointer(start: address, count: byteCount)))
            self.keep(Block(address: address, byteCount: byteCount, fill: 0))
        case 5, 6:
            guard !self.blocks.isEmpty else { return }
            let index = self.number(0...self.blocks.count - 1)
            let byteCount = self.randomByteCount()
            var block = self.blocks[index]
            guard let address = try? self.heap.reallocate(block.address, byteCount: byteCount) else { return }
            block.address = address
            #expect(Self.isIntact(block, min(byteCount, block.byteCount)))
            self.blocks.remove(at: index)
            block.byteCount = byteCount
            self.keep(block)
        default:
            self.release(1)
        }
    }

    private mutating func keep(_ block: Block) {
        var block = block
        block.fill = UInt8(self.number(1...255))
        block.address.initializeMemory(as: UInt8.self, repeating: block.fill, count: block.byteCount)
        self.blocks.append(block)
    }

    private static func isIntact(_ block: Block, _ byteCount: Int) -> Bool {
        holdsOnly(block.fill, UnsafeRawBufferPointer(start: block.address, count: byteCount))
    }

    private mutating func release(_ count: Int) {
        for _ in 0..<min(count, self.blocks.count) {
            let block = self.blocks.remove(at: self.number(0...self.blocks.count - 1))
            #expect(Self.isIntact(block, block.byteCount))
            self.heap.release(block.address)
        }
    }

    mutating func releaseAll() { self.release(.max) }

    /// An allocation may fail only if every free block is too short.
    private func expectNoRoom(for byteCount: Int) {
        let longest = self.heap.state.withLock { region in
            var longest = 0
            region.forEachBlock { header, _ in
                if header.mark == BlockHeader.free { longest = max(longest, Int(header.units)) }
            }
            return longest
        }
        #expect(longest < BlockHeader.units(holding: byteCount))
    }

    /// The rules of ``HeapRegion``, and the model's blocks in their places.
    func expectSoundHeap() {
        var found: [UInt: Int] = [:]
        var problems: [String] = []
        self.heap.state.withLock { region in
            var previous: BlockHeader?
            region.forEachBlock { header, payload in
                if header.previousUnits != (previous?.units ?? 0) { problems.append("a boundary tag is wrong") }
                let byteCount = Int(header.payloadByteCount)
                if header.heapNumber != nil, let address = payload.baseAddress {
                    found[UInt(bitPattern: address)] = byteCount
                    Canary.check(at: address + byteCount)
                    let behind = UnsafeRawBufferPointer(rebasing: payload.dropFirst(byteCount + Canary.byteCount))
                    if !isZero(behind) { problems.append("bytes behind a canary") }
                } else {
                    if header.mark != BlockHeader.free { problems.append("neither free nor allocated") }
                    if previous?.mark == BlockHeader.free { problems.append("two free neighbours") }
                    let behind = UnsafeRawBufferPointer(rebasing: payload.dropFirst(BlockHeader.linksByteCount))
                    if !isZero(behind) { problems.append("a free block is not wiped") }
                }
                previous = header
            }
        }
        #expect(problems == [])
        #expect(
            found
                == Dictionary(uniqueKeysWithValues: self.blocks.map { (UInt(bitPattern: $0.address), $0.byteCount) }))
        #expect(self.heap.blocksInUse == self.blocks.count)
    }
}

private func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool { holdsOnly(0, bytes) }

/// By comparing the bytes with themselves, one further: a loop takes too long in a debug build.
private func holdsOnly(_ byte: UInt8, _ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let start = bytes.baseAddress, let first = bytes.first else { return true }
    return first == byte && memcmp(start, start + 1, bytes.count - 1) == 0
}
