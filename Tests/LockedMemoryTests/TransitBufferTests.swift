// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import LockedMemory

@Suite struct TransitBufferTests {
    private let memory: SecretMemory

    init() throws { self.memory = try SecretMemory(slotCount: 1, heapByteCountMax: 1 << 19, allowUnlocked: true) }

    @Test func bytesComeOutInTheOrderInWhichTheyWentIn() {
        var buffer = TransitBuffer(in: self.memory)
        var expected: [UInt8] = []
        for round in 0..<200 {
            let more = (0..<round).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ round) }
            buffer.append(more.span)
            expected += more
            let used = expected.count / 3
            buffer.useUp(used)
            expected.removeFirst(used)
            #expect(bytes(of: buffer) == expected)
        }
        buffer.useUp(expected.count)
        #expect(bytes(of: buffer) == [])
    }

    @Test func withoutMemoryItKeepsWhatItHasAndTakesNothingMore() {
        var buffer = TransitBuffer(in: self.memory)
        buffer.append([1, 2].span)
        let hasRoom = buffer.withRoom(for: 1 << 50) { _ in }
        #expect(!hasRoom && buffer.isTruncated)
        let isTaken = buffer.append([3].span)
        #expect(!isTaken)
        #expect(bytes(of: buffer) == [1, 2])
        var other = TransitBuffer(in: self.memory)
        other.append(buffer)
        #expect(other.isTruncated && bytes(of: other) == [1, 2])
        buffer.removeAll()
        buffer.append([4].span)
        #expect(!buffer.isTruncated && bytes(of: buffer) == [4])
    }

    @Test func whatIsAppendedInPlaceIsTakenIn() {
        var buffer = TransitBuffer(in: self.memory)
        var freeCapacity = 0
        buffer.withRoom(for: 100) { output in
            output.append(7)
            output.append(8)
            freeCapacity = output.freeCapacity
        }
        #expect(freeCapacity >= 98)
        #expect(bytes(of: buffer) == [7, 8])
    }

    @Test func anEmptyBufferTakesNoMemory() {
        var buffer = TransitBuffer(in: self.memory)
        #expect(self.memory.heap(.smallTransit).blocksInUse == 0)
        buffer.append([1, 2, 3].span)
        #expect(self.memory.heap(.smallTransit).blocksInUse == 1)
        buffer.removeAll()
        #expect(self.memory.heap(.smallTransit).blocksInUse == 0)
        #expect(bytes(of: buffer) == [])
    }

    @Test func aBlockIsKeptOrGivenBack() {
        var buffer = TransitBuffer(capacity: 100, in: self.memory)
        buffer.removeAll(keeping: 100)
        #expect(self.memory.heap(.smallTransit).blocksInUse == 1)
        buffer.removeAll(keeping: 99)
        #expect(self.memory.heap(.smallTransit).blocksInUse == 0)
    }

    @Test func bytesThatAreTakenOutAreNoLongerThere() {
        var buffer = TransitBuffer(in: self.memory)
        buffer.append([1, 2, 3].span)
        let taken = buffer.take()
        #expect(bytes(of: taken) == [1, 2, 3])
        #expect(bytes(of: buffer) == [])
    }

    // MARK: Wiping

    @Test("used bytes are wiped where they lay", arguments: 0...6)
    func usedUp(count: Int) throws {
        var buffer = TransitBuffer(capacity: 6, in: self.memory)
        let address = try #require(unsafe buffer.address)
        buffer.append(Array("secret".utf8).span)
        buffer.useUp(count)
        let left = (0..<6).map { unsafe address.load(fromByteOffset: $0, as: UInt8.self) }
        #expect(left == [UInt8](repeating: 0, count: count) + Array("secret".utf8.dropFirst(count)))
    }

    @Test func bytesThatMoveToTheFrontAreWipedBehind() throws {
        var buffer = TransitBuffer(capacity: 8, in: self.memory)
        let address = try #require(unsafe buffer.address)
        buffer.append(Array("12345678".utf8).span)
        buffer.useUp(6)
        buffer.append(Array("9".utf8).span)
        let left = (0..<8).map { unsafe address.load(fromByteOffset: $0, as: UInt8.self) }
        #expect(left == Array("789".utf8) + [0, 0, 0, 0, 0])
    }

    @Test("nothing stays behind in memory that a buffer has left", arguments: [true, false])
    func left(byGrowing: Bool) throws {
        var buffer = TransitBuffer(capacity: 1000, in: self.memory)
        let address = try #require(unsafe buffer.address)
        buffer.append([UInt8](repeating: 0x55, count: 1000).span)
        if byGrowing { buffer.append([0x55].span) } else { buffer.removeAll() }
        // A free block begins with the links of its list.
        let isWiped = (16..<1000).allSatisfy { unsafe address.load(fromByteOffset: $0, as: UInt8.self) == 0 }
        #expect(isWiped)
    }

    // MARK: Without locked memory

    @Test func whereThereIsNoLockedMemoryLeftOrdinaryMemoryTakesTheBytes() {
        let byteCount = self.memory.plan[.transit] + 1
        var buffer = TransitBuffer(in: self.memory)
        let nines = [UInt8](repeating: 9, count: byteCount)
        buffer.append(nines.span)
        #expect(self.memory.heap(.transit).blocksInUse == 0)
        #expect(self.memory.overflowByteCount > byteCount)
        #expect(bytes(of: buffer) == nines)
        buffer.useUp(byteCount - 1)
        #expect(bytes(of: buffer) == [9])
    }

    @Test func clientsCannotTakeTheMemoryOfSecrets() throws {
        var buffers: [Held] = []
        for _ in 0..<100 { buffers.append(Held(TransitBuffer(capacity: 100_000, in: self.memory))) }
        _ = try Secret(byteCount: 100_000, in: self.memory)
        #expect(self.memory.overflowByteCount > 80 * 100_000)
        buffers = []
        #expect(self.memory.overflowByteCount == 0)
    }

    @Test("large buffers leave small ones locked memory")
    func smallBuffers() throws {
        let large = (0..<100).map { _ in Held(TransitBuffer(capacity: 100_000, in: self.memory)) }
        let overflow = self.memory.overflowByteCount
        let small = (0..<10).map { _ in Held(TransitBuffer(capacity: 4096, in: self.memory)) }
        #expect(self.memory.overflowByteCount == overflow)
        #expect(self.memory.heap(.smallTransit).blocksInUse == small.count)
        #expect(large.count == 100)
    }
}

private final class Held {
    let buffer: TransitBuffer

    init(_ buffer: consuming TransitBuffer) { self.buffer = buffer }
}

private func bytes(of buffer: borrowing TransitBuffer) -> [UInt8] {
    buffer.withBytes { bytes in bytes.indices.map { bytes[$0] } }
}

extension TransitBuffer {
    /// Where the first byte is or will be.
    fileprivate var address: UnsafeRawPointer? {
        mutating get {
            var address: UnsafeRawPointer?
            self.withRoom(for: 0) { output in
                unsafe address = output.withUnsafeMutableBytes { room, _ in
                    room.baseAddress.map { UnsafeRawPointer($0) }
                }
            }
            return unsafe address
        }
    }
}
