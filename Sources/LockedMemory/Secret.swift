// SPDX-License-Identifier: Apache-2.0

/// A plaintext in locked memory. It can be lent, moved or ended; not copied, printed or encoded.
///
/// It is wiped when it ends. Up to 56 bytes live in a slot of the arena, longer ones in a block of the heap.
@safe package struct Secret: ~Copyable, Sendable {
    package private(set) var byteCount: Int

    private let memory: SecretMemory
    private let place: Place
    /// What was asked for: the canary stands behind it, also after ``truncate(to:)``.
    private let allocatedByteCount: Int
    /// The bytes belong to this value alone, which moves between threads as a whole.
    private nonisolated(unsafe) let address: UnsafeMutableRawPointer

    private enum Place {
        case slot(UInt32)
        case block
    }

    /// A secret of `byteCount` bytes, all zero, to be filled with ``withMutableBytes(_:)``.
    ///
    /// - Throws: `.exhausted` when there is no room at present; `.cannotLock` when the kernel locks no more.
    package init(byteCount: Int, in memory: SecretMemory) throws(LockedMemoryError) {
        precondition(byteCount >= 0)
        try self.init(byteCount: byteCount, in: memory, mayUseReserve: false)
    }

    private init(byteCount: Int, in memory: SecretMemory, mayUseReserve: Bool) throws(LockedMemoryError) {
        let (place, address) = try unsafe Self.allocate(byteCount: byteCount, in: memory, mayUseReserve: mayUseReserve)
        self.place = place
        unsafe self.address = address
        self.memory = memory
        self.byteCount = byteCount
        self.allocatedByteCount = byteCount
    }

    /// A copy of `bytes`, for secrets that arrive in memory which the caller wipes.
    ///
    /// - Parameter mayUseReserve: whether the copy ends before its caller waits for anything; see ``LockedArena``.
    package init(
        copying bytes: Span<UInt8>, in memory: SecretMemory, mayUseReserve: Bool = false
    ) throws(LockedMemoryError) {
        try self.init(byteCount: bytes.count, in: memory, mayUseReserve: mayUseReserve)
        unsafe bytes.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            unsafe self.address.copyMemory(from: start, byteCount: source.count)
        }
    }

    /// Another secret with the same bytes.
    package borrowing func copy(in memory: SecretMemory) throws(LockedMemoryError) -> Secret {
        try self.withBytes { bytes throws(LockedMemoryError) in try Secret(copying: bytes, in: memory) }
    }

    private static func allocate(
        byteCount: Int, in memory: SecretMemory, mayUseReserve: Bool
    ) throws(LockedMemoryError) -> (Place, UnsafeMutableRawPointer) {
        do throws(LockedMemoryError) {
            guard byteCount <= memory.arena.payloadByteCountMax else {
                return (.block, try unsafe memory.heap(memory.secretShare).allocate(byteCount: byteCount))
            }
            let slot = try memory.arena.take(byteCount: byteCount, mayUseReserve: mayUseReserve)
            return unsafe (.slot(slot), memory.arena.address(of: slot))
        } catch {
            RefusedAllocations.note()
            throw error
        }
    }

    deinit {
        switch self.place {
        case .slot(let slot):
            self.memory.arena.release(slot, byteCount: self.allocatedByteCount)
        case .block:
            unsafe self.memory.heap(self.memory.secretShare).release(self.address)
        }
    }

    /// Lends the bytes for the length of `body`. The span cannot escape it.
    package borrowing func withBytes<Result: ~Copyable, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(unsafe Span(_unsafeStart: self.address.assumingMemoryBound(to: UInt8.self), count: self.byteCount))
    }

    /// Lends the bytes to be written.
    package mutating func withMutableBytes<Result: ~Copyable, Failure: Error>(
        _ body: (inout MutableSpan<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var span = unsafe MutableSpan(
            _unsafeStart: self.address.assumingMemoryBound(to: UInt8.self), count: self.byteCount)
        return try body(&span)
    }

    /// Writes the secret anew, for a decoder that knew only an upper bound: what `body` does not write is wiped and
    /// forgotten.
    package mutating func rewrite<Failure: Error>(
        _ body: (inout OutputSpan<UInt8>) throws(Failure) -> Void
    ) throws(Failure) {
        let bytes = unsafe UnsafeMutableBufferPointer(
            start: self.address.assumingMemoryBound(to: UInt8.self), count: self.byteCount)
        var output = unsafe OutputSpan(buffer: bytes, initializedCount: 0)
        try body(&output)
        self.truncate(to: output.count)
    }

    /// Writes the whole secret anew. `body` must append exactly ``byteCount`` bytes.
    package mutating func fill(_ body: (inout OutputRawSpan) -> Void) {
        let bytes = unsafe UnsafeMutableRawBufferPointer(start: self.address, count: self.byteCount)
        var output = unsafe OutputRawSpan(buffer: bytes, initializedCount: 0)
        body(&output)
        precondition(output.byteCount == self.byteCount)
    }

    /// The bytes as C libraries take them. Only for the modules that wrap one.
    package borrowing func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(UnsafeRawBufferPointer(start: self.address, count: self.byteCount))
    }

    /// The bytes as C libraries write them. Only for the modules that wrap one.
    package mutating func withUnsafeMutableBytes<Result, Failure: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(UnsafeMutableRawBufferPointer(start: self.address, count: self.byteCount))
    }

    /// Forgets the bytes from `byteCount` on, for a decoder that knew only an upper bound. They are wiped.
    package mutating func truncate(to byteCount: Int) {
        precondition(byteCount >= 0 && byteCount <= self.byteCount)
        unsafe wipe(UnsafeMutableRawBufferPointer(start: self.address + byteCount, count: self.byteCount - byteCount))
        self.byteCount = byteCount
    }

    /// Compares without telling by its time where the difference is. Lengths are not secret.
    package borrowing func isEqual(to other: borrowing Secret) -> Bool {
        other.withBytes { self.isEqual(to: $0) }
    }

    borrowing func isEqual(to other: Span<UInt8>) -> Bool {
        guard self.byteCount == other.count else { return false }
        return self.withBytes { bytes in
            var difference: UInt8 = 0
            for index in bytes.indices { difference |= bytes[index] ^ other[index] }
            return difference == 0
        }
    }
}

/// A secret that several owners hold, where a container or a setting cannot hold a `~Copyable` value.
package final class SharedSecret: Sendable {
    package let value: Secret

    package init(_ value: consuming Secret) { self.value = value }
}
