// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing
import WipedBuffers

@Suite struct WipingTests {
    @Test("everything written is wiped, read since or not", arguments: [0, 3, 6])
    func written(readerIndex: Int) {
        var buffer = ByteBuffer(string: "secret")
        buffer.moveReaderIndex(to: readerIndex)
        buffer.wipeInPlace()
        #expect(buffer.storage == [0, 0, 0, 0, 0, 0])
        #expect(buffer.readerIndex == readerIndex)
        #expect(buffer.writerIndex == 6)
    }

    @Test func otherHoldersOfTheStorageSeeItToo() {
        let buffer = ByteBuffer(string: "secret")
        let copy = buffer
        copy.wipeInPlace()
        #expect(buffer.storage.allSatisfy { $0 == 0 })
    }

    @Test func aSliceIsWipedAlone() throws {
        let buffer = ByteBuffer(string: "one two three")
        let slice = try #require(buffer.getSlice(at: 4, length: 3))
        slice.wipeInPlace()
        #expect(String(buffer: buffer) == "one \0\0\0 three")
    }

    @Test func whatIsWrittenAfterwardsStays() {
        var buffer = ByteBuffer(string: "secret")
        buffer.wipeInPlace()
        buffer.clear()
        buffer.writeString("open")
        #expect(String(buffer: buffer) == "open")
    }

    @Test func aBufferThatNobodyElseHoldsIsRecycled() {
        var buffer = ByteBuffer(string: "secret")
        let isRecycled = buffer.recycleIfUnshared()
        #expect(isRecycled)
        #expect(buffer.readableBytes == 0)
        #expect(buffer.getBytes(at: 0, length: 6) == nil)
        buffer.moveWriterIndex(to: 6)
        #expect(buffer.storage == [0, 0, 0, 0, 0, 0])
    }

    @Test func aBufferThatSomebodyElseHoldsIsLeftAlone() {
        var buffer = ByteBuffer(string: "secret")
        let other = buffer
        let isRecycled = buffer.recycleIfUnshared()
        #expect(!isRecycled)
        #expect(String(buffer: buffer) == "secret")
        #expect(String(buffer: other) == "secret")
    }

    @Test func anEmptyBufferCanBeWiped() {
        ByteBuffer().wipeInPlace()
        ByteBuffer(string: "").wipeInPlace()
    }
}

extension ByteBuffer {
    /// The bytes up to the writer index, as they stand in memory.
    fileprivate var storage: [UInt8] {
        unsafe self.withVeryUnsafeBytes { unsafe Array($0.prefix(self.writerIndex)) }
    }
}
