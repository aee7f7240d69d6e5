// SPDX-License-Identifier: Apache-2.0

/// Bytes on their way in or out, appended at one end and used up at the other.
///
/// They lie in locked memory as long as that has room for them, else in ordinary memory: an agent whose clients send more
/// than it may lock goes on. Either way they are wiped as soon as they are used up, moved or given up.
@safe package struct TransitBuffer: ~Copyable, Sendable {
    private let memory: SecretMemory
    private var block: Block
    /// Where the bytes begin and end that are not used up.
    private var start = 0
    private var end = 0

    /// Nothing is allocated before the first byte comes, unless `capacity` asks for it.
    package init(capacity: Int = 0, in memory: SecretMemory) {
        self.memory = memory
        self.block = Block(capacity: capacity, in: memory)
    }

    deinit { unsafe wipe(UnsafeMutableRawBufferPointer(rebasing: self.block.bytes[self.start..<self.end])) }

    /// Bytes that are not used up.
    package var byteCount: Int { self.end - self.start }

    package var isEmpty: Bool { self.end == self.start }

    package var capacity: Int { unsafe self.block.bytes.count }

    /// Lends the bytes that are not used up.
    package borrowing func withBytes<Result: ~Copyable, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard let address = unsafe self.block.bytes.baseAddress else { return try body(Span()) }
        let bytes = unsafe Span(
            _unsafeStart: (address + self.start).assumingMemoryBound(to: UInt8.self), count: self.byteCount)
        return try body(bytes)
    }

    /// Moves the bytes out and leaves an empty buffer.
    package mutating func take() -> TransitBuffer {
        var taken = TransitBuffer(in: self.memory)
        swap(&taken, &self)
        return taken
    }

    // MARK: Appending

    /// Lends the room behind the bytes, at least `byteCount` of it. What `body` appends there is taken in.
    package mutating func withRoom<Result: ~Copyable>(
        for byteCount: Int, _ body: (inout OutputRawSpan) -> Result
    ) -> Result {
        if self.capacity - self.end < byteCount { self.makeRoom(for: byteCount) }
        let room = unsafe UnsafeMutableRawBufferPointer(rebasing: self.block.bytes[self.end...])
        var output = unsafe OutputRawSpan(buffer: room, initializedCount: 0)
        let result = body(&output)
        self.end += unsafe output.finalize(for: room)
        return result
    }

    package mutating func append(_ bytes: Span<UInt8>) {
        guard !bytes.isEmpty else { return }
        self.withRoom(for: bytes.count) { output in
            unsafe output.withUnsafeMutableBytes { room, byteCount in
                unsafe bytes.withUnsafeBytes { unsafe room.copyMemory(from: $0) }
                byteCount = bytes.count
            }
        }
    }

    /// Moves the bytes to the front, or to a larger block where that does not help.
    private mutating func makeRoom(for byteCount: Int) {
        let wanted = self.byteCount + byteCount
        let used = unsafe UnsafeMutableRawBufferPointer(rebasing: self.block.bytes[self.start..<self.end])
        if wanted <= self.capacity {
            unsafe self.block.bytes.copyMemory(from: UnsafeRawBufferPointer(used))
            unsafe wipe(UnsafeMutableRawBufferPointer(rebasing: self.block.bytes[self.byteCount..<self.end]))
        } else {
            let larger = Block(capacity: max(wanted, self.capacity * 2), in: self.memory)
            unsafe larger.bytes.copyMemory(from: UnsafeRawBufferPointer(used))
            unsafe wipe(used)
            self.block = larger
        }
        self.end -= self.start
        self.start = 0
    }

    // MARK: Using up

    /// Wipes the first `byteCount` bytes.
    package mutating func useUp(_ byteCount: Int) {
        precondition(byteCount <= self.byteCount, "more than there is")
        let used = self.start..<self.start + byteCount
        unsafe wipe(UnsafeMutableRawBufferPointer(rebasing: self.block.bytes[used]))
        self.start = used.upperBound
        if self.isEmpty { self.rewind() }
    }

    /// Wipes all bytes, and gives back a block of more than `capacityMax`.
    package mutating func removeAll(keeping capacityMax: Int = 0) {
        self.useUp(self.byteCount)
        if self.capacity > capacityMax { self.block = Block(capacity: 0, in: self.memory) }
    }

    private mutating func rewind() {
        self.start = 0
        self.end = 0
    }
}

/// Where a buffer's bytes lie.
@safe private struct Block: ~Copyable, Sendable {
    /// Empty if there is none.
    ///
    /// `nonisolated(unsafe)`, since a pointer may not be shared between threads, and the compiler cannot see that nobody
    /// shares it: the memory belongs to this value alone, which cannot be copied and moves between threads as a whole.
    nonisolated(unsafe) let bytes: UnsafeMutableRawBufferPointer
    /// What it was taken from; nil if there are no bytes.
    private let memory: SecretMemory?

    init(capacity: Int, in memory: SecretMemory) {
        guard capacity > 0 else {
            unsafe self.bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
            self.memory = nil
            return
        }
        guard let address = unsafe memory.allocateTransit(capacity) else { fatalError("out of memory") }
        unsafe self.bytes = UnsafeMutableRawBufferPointer(start: address, count: capacity)
        self.memory = memory
    }

    deinit {
        guard let address = unsafe self.bytes.baseAddress else { return }
        unsafe self.memory?.release(address)
    }
}
