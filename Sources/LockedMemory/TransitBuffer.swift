// SPDX-License-Identifier: Apache-2.0

/// Bytes on their way in or out, appended at one end and used up at the other.
///
/// They lie in locked memory as long as that has room for them, else in ordinary memory: an agent whose clients send more
/// than it may lock goes on. Either way they are wiped as soon as they are used up, moved or given up.
///
/// Without any memory for more bytes the buffer keeps those that it has, refuses all further ones and says so by
/// ``isTruncated``, so that no byte follows a gap.
@safe package struct TransitBuffer: ~Copyable, Sendable {
    private let memory: SecretMemory
    private var block: Block
    /// Where the bytes begin and end that are not used up.
    private var start = 0
    private var end = 0
    /// Whether bytes are missing at the end because there was no memory for them. Cleared with the bytes.
    package private(set) var isTruncated = false

    /// Nothing is allocated before the first byte comes, unless `capacity` asks for it.
    package init(capacity: Int = 0, in memory: SecretMemory) {
        self.memory = memory
        self.block = Block(capacity: capacity, in: memory) ?? Block()
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

    /// ``withBytes(_:)`` without a result, and so not generic: other modules would call that one unspecialised.
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

    /// Lends the room behind the bytes, at least `byteCount` of it. What `body` appends there is taken in.
    ///
    /// - Returns: false where there is no memory for it; `body` is then not called.
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

    /// - Returns: false where there is no memory for them; none of them is then taken.
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

    /// Appends the bytes of another buffer, and is truncated where that is.
    package mutating func append(_ other: borrowing TransitBuffer) {
        other.visitBytes { self.append($0) }
        if other.isTruncated { self.isTruncated = true }
    }

    /// Moves the bytes to the front, or to a larger block where that does not help.
    ///
    /// - Returns: false where there is no memory for it.
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

    // MARK: Using up

    /// Wipes the first `byteCount` bytes.
    ///
    /// - Precondition: there are as many. Callers pass what ``withBytes(_:)`` has lent them, or a part of it.
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
        self.isTruncated = false
        if self.capacity > capacityMax { self.block = Block() }
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

    init() {
        unsafe self.bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        self.memory = nil
    }

    /// - Returns: nil where there is no memory for it, locked or not.
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
