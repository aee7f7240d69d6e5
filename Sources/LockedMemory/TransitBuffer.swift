// SPDX-License-Identifier: Apache-2.0

/// A buffer for bytes in transit, appended at the end and consumed at the front.
///
/// In locked memory while that has room, otherwise in ordinary memory: an agent whose clients send more than it may
/// lock keeps working. In both cases bytes are wiped when they are consumed, moved or released.
///
/// Without any memory for more bytes, the buffer keeps its bytes, rejects all further ones, and sets ``isTruncated``,
/// so that no byte follows a gap.
@safe package struct TransitBuffer: ~Copyable, Sendable {
    private let memory: SecretMemory
    private var block: Block
    /// The range of the unconsumed bytes.
    private var start = 0
    private var end = 0
    /// Whether bytes are missing at the end for lack of memory. Reset when the bytes are removed.
    package private(set) var isTruncated = false

    /// Allocates nothing before the first byte, unless `capacity` is set.
    package init(capacity: Int = 0, in memory: SecretMemory) {
        self.memory = memory
        self.block = Block(capacity: capacity, in: memory) ?? Block()
    }

    deinit { unsafe wipe(UnsafeMutableRawBufferPointer(rebasing: self.block.bytes[self.start..<self.end])) }

    /// Number of unconsumed bytes.
    package var byteCount: Int { self.end - self.start }

    package var isEmpty: Bool { self.end == self.start }

    /// Bytes allocated, used or not.
    package var capacity: Int { unsafe self.block.bytes.count }

    /// Calls `body` with the unconsumed bytes.
    package borrowing func withBytes<Result: ~Copyable, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard let address = unsafe self.block.bytes.baseAddress else { return try body(Span()) }
        let bytes = unsafe Span(
            _unsafeStart: (address + self.start).assumingMemoryBound(to: UInt8.self), count: self.byteCount)
        return try body(bytes)
    }

    /// As ``withBytes(_:)`` without a result, and so not generic: generic functions are not specialised in other
    /// modules.
    package borrowing func visitBytes(_ body: (Span<UInt8>) -> Void) {
        guard let address = unsafe self.block.bytes.baseAddress else { return body(Span()) }
        body(
            unsafe Span(
                _unsafeStart: (address + self.start).assumingMemoryBound(to: UInt8.self), count: self.byteCount))
    }

    /// Moves the bytes out and leaves an empty buffer.
    package mutating func take() -> TransitBuffer {
        var taken = TransitBuffer(in: self.memory)
        swap(&taken, &self)
        return taken
    }

    // MARK: Appending

    /// Calls `body` with at least `byteCount` bytes of room behind the bytes. What it appends becomes part of the
    /// buffer.
    ///
    /// - Returns: false if there is no memory; `body` is then not called.
    @discardableResult
    package mutating func withRoom(for byteCount: Int, _ body: (inout OutputRawSpan) -> Void) -> Bool {
        guard self.capacity - self.end >= byteCount && !self.isTruncated || self.makeRoom(for: byteCount) else {
            return false
        }
        let room = unsafe UnsafeMutableRawBufferPointer(rebasing: self.block.bytes[self.end...])
        var output = unsafe OutputRawSpan(buffer: room, initializedCount: 0)
        body(&output)
        self.end += unsafe output.finalize(for: room)
        return true
    }

    /// - Returns: false if there is no memory; no byte is then appended.
    @discardableResult
    package mutating func append(_ bytes: Span<UInt8>) -> Bool {
        guard !bytes.isEmpty else { return !self.isTruncated }
        return self.withRoom(for: bytes.count) { output in
            unsafe output.withUnsafeMutableBytes { room, byteCount in
                unsafe bytes.withUnsafeBytes { unsafe room.copyMemory(from: $0) }
                byteCount = bytes.count
            }
        }
    }

    /// Appends the bytes of another buffer. Becomes truncated if the other one is.
    package mutating func append(_ other: borrowing TransitBuffer) {
        other.visitBytes { self.append($0) }
        if other.isTruncated { self.isTruncated = true }
    }

    /// Moves the bytes to the front or, if that is not enough, to a larger block.
    ///
    /// - Returns: false if there is no memory.
    private mutating func makeRoom(for byteCount: Int) -> Bool {
        guard !self.isTruncated else { return false }
        let wanted = self.byteCount + byteCount
        let used = unsafe UnsafeMutableRawBufferPointer(rebasing: self.block.bytes[self.start..<self.end])
        if wanted <= self.capacity {
            unsafe self.block.bytes.copyMemory(from: UnsafeRawBufferPointer(used))
            unsafe wipe(UnsafeMutableRawBufferPointer(rebasing: self.block.bytes[self.byteCount..<self.end]))
        } else {
            guard let larger = Block(capacity: max(wanted, self.capacity * 2), in: self.memory) else {
                self.isTruncated = true
                return false
            }
            unsafe larger.bytes.copyMemory(from: UnsafeRawBufferPointer(used))
            unsafe wipe(used)
            self.block = larger
        }
        self.end -= self.start
        self.start = 0
        return true
    }

    // MARK: Consuming

    /// Wipes and removes the first `byteCount` bytes.
    ///
    /// - Precondition: there are as many. Callers pass the count of bytes from ``withBytes(_:)``, or less.
    package mutating func useUp(_ byteCount: Int) {
        precondition(byteCount <= self.byteCount, "more than there is")
        let used = self.start..<self.start + byteCount
        unsafe wipe(UnsafeMutableRawBufferPointer(rebasing: self.block.bytes[used]))
        self.start = used.upperBound
        if self.isEmpty { self.rewind() }
    }

    /// Wipes all bytes, and releases a block of more than `capacityMax`.
    package mutating func removeAll(keeping capacityMax: Int = 0) {
        self.useUp(self.byteCount)
        self.isTruncated = false
        if self.capacity > capacityMax { self.block = Block() }
    }

    private mutating func rewind() {
        self.start = 0
        self.end = 0
    }
}

/// The memory of a buffer.
@safe private struct Block: ~Copyable, Sendable {
    /// Empty if there is none.
    ///
    /// `nonisolated(unsafe)`: the compiler cannot see that the memory belongs to this value, which cannot be copied and
    /// moves between threads as a whole.
    nonisolated(unsafe) let bytes: UnsafeMutableRawBufferPointer
    /// Where the block was allocated; nil if it is empty.
    private let memory: SecretMemory?

    init() {
        unsafe self.bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        self.memory = nil
    }

    /// - Returns: nil if there is no memory, locked or not.
    init?(capacity: Int, in memory: SecretMemory) {
        guard capacity > 0 else {
            unsafe self.bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
            self.memory = nil
            return
        }
        guard let address = unsafe memory.allocateTransit(capacity) else { return nil }
        unsafe self.bytes = UnsafeMutableRawBufferPointer(start: address, count: capacity)
        self.memory = memory
    }

    deinit {
        guard let address = unsafe self.bytes.baseAddress else { return }
        unsafe self.memory?.release(address)
    }
}
