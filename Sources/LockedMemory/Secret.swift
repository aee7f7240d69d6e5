// SPDX-License-Identifier: Apache-2.0

/// A plaintext in locked memory. It can be lent and moved, but not copied implicitly, printed or encoded.
///
/// Wiped on release. Up to 56 bytes use a slot of the arena, longer secrets a block of the heap.
@safe package struct Secret: ~Copyable, Sendable {
    package private(set) var byteCount: Int

    private let memory: SecretMemory
    private let place: Place
    /// The allocated length: the canary follows it, also after ``truncate(to:)``.
    private let allocatedByteCount: Int
    /// The bytes belong to this value, which moves between threads as a whole.
    private nonisolated(unsafe) let address: UnsafeMutableRawPointer

    private enum Place {
        case slot(UInt32)
        case block
    }

    /// A zeroed secret of `byteCount` bytes, to be filled with ``withMutableBytes(_:)``.
    ///
    /// - Throws: `.exhausted` if there is no room at the moment; `.cannotLock` if the kernel locks no more memory.
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

    /// A copy of `bytes`, from memory that the caller wipes.
    ///
    /// - Parameter mayUseReserve: whether the copy ends before its caller suspends; see ``LockedArena``.
    package init(
        copying bytes: Span<UInt8>, in memory: SecretMemory, mayUseReserve: Bool = false
    ) throws(LockedMemoryError) {
        try self.init(byteCount: bytes.count, in: memory, mayUseReserve: mayUseReserve)
        unsafe bytes.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            unsafe self.address.copyMemory(from: start, byteCount: source.count)
        }
    }

    /// A copy of the secret.
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

    /// Calls `body` with the bytes. The span cannot escape it.
    package borrowing func withBytes<Result: ~Copyable, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(unsafe Span(_unsafeStart: self.address.assumingMemoryBound(to: UInt8.self), count: self.byteCount))
    }

    /// Calls `body` with the writable bytes.
    package mutating func withMutableBytes<Result: ~Copyable, Failure: Error>(
        _ body: (inout MutableSpan<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var span = unsafe MutableSpan(
            _unsafeStart: self.address.assumingMemoryBound(to: UInt8.self), count: self.byteCount)
        return try body(&span)
    }

    /// Overwrites the secret, for a decoder that knows only an upper bound of its length: the part that `body` does not
    /// write is wiped and removed.
    package mutating func rewrite<Failure: Error>(
        _ body: (inout OutputSpan<UInt8>) throws(Failure) -> Void
    ) throws(Failure) {
        let bytes = unsafe UnsafeMutableBufferPointer(
            start: self.address.assumingMemoryBound(to: UInt8.self), count: self.byteCount)
        var output = unsafe OutputSpan(buffer: bytes, initializedCount: 0)
        try body(&output)
        self.truncate(to: output.count)
    }

    /// Overwrites the whole secret. `body` must append exactly ``byteCount`` bytes.
    package mutating func fill(_ body: (inout OutputRawSpan) -> Void) {
        let bytes = unsafe UnsafeMutableRawBufferPointer(start: self.address, count: self.byteCount)
        var output = unsafe OutputRawSpan(buffer: bytes, initializedCount: 0)
        body(&output)
        precondition(output.byteCount == self.byteCount)
    }

    /// The bytes for C libraries. Only for modules that wrap one.
    package borrowing func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(UnsafeRawBufferPointer(start: self.address, count: self.byteCount))
    }

    /// The writable bytes for C libraries. Only for modules that wrap one.
    package mutating func withUnsafeMutableBytes<Result, Failure: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(UnsafeMutableRawBufferPointer(start: self.address, count: self.byteCount))
    }

    /// Wipes and removes the bytes from `byteCount` on, for a decoder that knew only an upper bound.
    package mutating func truncate(to byteCount: Int) {
        precondition(byteCount >= 0 && byteCount <= self.byteCount)
        unsafe wipe(UnsafeMutableRawBufferPointer(start: self.address + byteCount, count: self.byteCount - byteCount))
        self.byteCount = byteCount
    }

    /// Compares in a time that does not depend on the position of a difference. Lengths are not secret.
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

/// A secret with several owners, for containers and settings that cannot hold a `~Copyable` value.
package final class SharedSecret: Sendable {
    package let value: Secret

    package init(_ value: consuming Secret) { self.value = value }
}
