// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Synchronization

/// Blocks of locked memory of any size: secrets too long for a slot, and everything that OpenSSL and libcurl allocate.
///
/// A block is `[header, 16 bytes][payload][canary, 8 bytes]`, rounded up to one of its size classes (32, 48, 64, 96, 128,
/// 192 … bytes). A released block is wiped and kept for its class; blocks are neither split nor joined, so the heap's
/// size is bounded by the peak of each class, and a block costs a lock and a few instructions. Regions are added as
/// needed, up to `byteCountMax` in all, and go with the heap.
package final class LockedHeap: Sendable {
    private let allowUnlocked: Bool
    private let byteCountMax: Int
    let state: Mutex<State>

    /// The worst of the regions.
    var kind: LockedMemoryKind { self.state.withLock { $0.kind } }
    var lockedByteCount: Int { self.state.withLock { $0.lockedByteCount } }
    /// Blocks that are allocated and not released.
    package var blocksInUse: Int { self.state.withLock { $0.blocksInUse } }

    /// What stands before each payload.
    private struct Header {
        static let byteCount = 16
        static let magic: UInt32 = 0x4b59_5349

        var magic: UInt32
        var sizeClass: UInt32
        var payloadByteCount: Int
    }

    /// The region in use, and the ones filled before it.
    final class Chunk {
        let region: LockedRegion
        let previous: Chunk?

        init(region: consuming LockedRegion, previous: Chunk?) {
            self.region = region
            self.previous = previous
        }
    }

    struct State {
        var chunk: Chunk
        /// Bytes handed out of the current chunk.
        var used = 0
        var lockedByteCount: Int
        /// Whether the kernel has refused to lock another region, and not locked one since.
        var isAtKernelsLimit = false
        var blocksInUse = 0
        var kind: LockedMemoryKind
        /// The address of the first free block of each class, 0 if none. Its payload's first word is that of the next.
        var free = [UInt](repeating: 0, count: LockedHeap.sizeClasses.count)
    }

    /// 32, 48, 64, 96 … bytes, header and canary included.
    private static let sizeClasses: [Int] = (5...21).flatMap { [1 << $0, 3 << ($0 - 1)] }
    private static let chunkByteCount = 512 * 1024

    /// The longest payload there can be: about 3 MiB.
    static let payloadByteCountMax = (3 << 20) - Header.byteCount - Canary.byteCount

    /// - Parameter byteCountMax: all regions together never exceed this.
    /// - Throws: `.cannotLock`, see ``LockedRegion``.
    init(byteCountMax: Int, allowUnlocked: Bool) throws(LockedMemoryError) {
        self.allowUnlocked = allowUnlocked
        self.byteCountMax = byteCountMax
        let region = try LockedRegion(byteCount: Self.chunkByteCount, allowUnlocked: allowUnlocked)
        let kind = region.kind
        let byteCount = unsafe region.bytes.count
        self.state = Mutex(
            State(chunk: Chunk(region: region, previous: nil), lockedByteCount: byteCount, kind: kind)
        )
    }

    /// A block of at least `byteCount` bytes, aligned to 16.
    ///
    /// - Throws: `.exhausted` over ``payloadByteCountMax`` or `byteCountMax`; `.cannotLock` when the kernel locks no more.
    package func allocate(byteCount: Int) throws(LockedMemoryError) -> UnsafeMutableRawPointer {
        guard byteCount <= Self.payloadByteCountMax else {
            RefusedAllocations.note()
            throw .exhausted
        }
        let sizeClass = Self.sizeClass(holding: byteCount + Header.byteCount + Canary.byteCount)
        let address: UInt
        do throws(LockedMemoryError) {
            address = try self.state.withLock { state throws(LockedMemoryError) in
                let address = try self.takeBlock(of: sizeClass, from: &state)
                state.blocksInUse += 1
                return address
            }
        } catch {
            RefusedAllocations.note()
            throw error
        }
        guard let block = unsafe UnsafeMutableRawPointer(bitPattern: address) else { throw .exhausted }
        let header = Header(magic: Header.magic, sizeClass: UInt32(sizeClass), payloadByteCount: byteCount)
        unsafe block.storeBytes(of: header, as: Header.self)
        unsafe Canary.plant(at: block + Header.byteCount + byteCount)
        return unsafe block + Header.byteCount
    }

    /// Whether there would be so many blocks, as far as anybody knows: that the kernel locks less than `byteCountMax` is
    /// learned when it first does not.
    package func hasRoom(forBlocks count: Int, of byteCount: Int) -> Bool {
        let sizeClass = Self.sizeClass(holding: byteCount + Header.byteCount + Canary.byteCount)
        let blockByteCount = Self.sizeClasses[sizeClass]
        return self.state.withLock { state in
            let chunksLeft =
                state.isAtKernelsLimit ? 0 : (self.byteCountMax - state.lockedByteCount) / Self.chunkByteCount
            let uncut =
                unsafe (state.chunk.region.bytes.count - state.used) / blockByteCount
                + chunksLeft * (Self.chunkByteCount / blockByteCount)
            return uncut >= count || Self.freeBlocks(of: sizeClass, in: state, upTo: count - uncut) == count - uncut
        }
    }

    private static func freeBlocks(of sizeClass: Int, in state: borrowing State, upTo countMax: Int) -> Int {
        var count = 0
        var next = state.free[sizeClass]
        while count < countMax, let block = unsafe UnsafeMutableRawPointer(bitPattern: next) {
            unsafe next = (block + Header.byteCount).load(as: UInt.self)
            count += 1
        }
        return count
    }

    /// Wipes a block and keeps it for the next.
    package func release(_ payload: UnsafeMutableRawPointer) {
        let block = unsafe payload - Header.byteCount
        let header = unsafe Self.header(of: block)
        unsafe Canary.check(at: payload + header.payloadByteCount)
        unsafe keyside_wipe(payload, header.payloadByteCount + Canary.byteCount)
        let sizeClass = Int(header.sizeClass)
        unsafe block.storeBytes(of: 0, as: UInt32.self)  // Not a block any more: a second release is caught.
        self.state.withLock { state in
            unsafe payload.storeBytes(of: state.free[sizeClass], as: UInt.self)
            state.free[sizeClass] = UInt(bitPattern: block)
            state.blocksInUse -= 1
        }
    }

    /// The block with room for `byteCount`: the same one where its class has it, else a new one; the old one is wiped.
    package func reallocate(
        _ payload: UnsafeMutableRawPointer,
        byteCount: Int
    ) throws(LockedMemoryError) -> UnsafeMutableRawPointer {
        let block = unsafe payload - Header.byteCount
        var header = unsafe Self.header(of: block)
        let room = Self.sizeClasses[Int(header.sizeClass)] - Header.byteCount - Canary.byteCount
        if byteCount <= room, byteCount >= room / 4 {
            unsafe Canary.check(at: payload + header.payloadByteCount)
            if byteCount < header.payloadByteCount {
                unsafe keyside_wipe(payload + byteCount, header.payloadByteCount - byteCount + Canary.byteCount)
            }
            header.payloadByteCount = byteCount
            unsafe block.storeBytes(of: header, as: Header.self)
            unsafe Canary.plant(at: payload + byteCount)
            return unsafe payload
        }
        let moved = try unsafe self.allocate(byteCount: byteCount)
        unsafe moved.copyMemory(from: payload, byteCount: min(byteCount, header.payloadByteCount))
        unsafe self.release(payload)
        return unsafe moved
    }

    private func takeBlock(of sizeClass: Int, from state: inout State) throws(LockedMemoryError) -> UInt {
        guard let block = unsafe UnsafeMutableRawPointer(bitPattern: state.free[sizeClass]) else {
            return try self.carve(Self.sizeClasses[sizeClass], from: &state)
        }
        let payload = unsafe block + Header.byteCount
        state.free[sizeClass] = unsafe payload.load(as: UInt.self)
        unsafe payload.storeBytes(of: 0, as: UInt.self)
        return UInt(bitPattern: block)
    }

    /// Cuts a new block off the current chunk, or off a new one. The rest of a chunk that is left is lost to the heap:
    /// at most the size of the block that did not fit.
    private func carve(
        _ byteCount: Int,
        from state: inout State
    ) throws(LockedMemoryError) -> UInt {
        if unsafe state.used + byteCount > state.chunk.region.bytes.count {
            let wanted = max(byteCount, Self.chunkByteCount)
            guard state.lockedByteCount + wanted <= self.byteCountMax else { throw .exhausted }
            state.isAtKernelsLimit = true
            let region = try LockedRegion(byteCount: wanted, allowUnlocked: self.allowUnlocked)
            state.isAtKernelsLimit = false
            state.kind = max(state.kind, region.kind)
            state.lockedByteCount += unsafe region.bytes.count
            state.chunk = Chunk(region: region, previous: state.chunk)
            state.used = 0
        }
        defer { state.used += byteCount }
        return UInt(bitPattern: unsafe state.chunk.region.bytes.baseAddress) + UInt(state.used)
    }

    /// The index of the smallest class of at least `byteCount` bytes.
    private static func sizeClass(holding byteCount: Int) -> Int {
        guard byteCount > 32 else { return 0 }
        let power = Int.bitWidth - (byteCount - 1).leadingZeroBitCount  // The smallest power of two that holds it.
        let fitsBelow = byteCount <= 3 << (power - 2)
        return (power - 5) * 2 - (fitsBelow ? 1 : 0)
    }

    private static func header(of block: UnsafeMutableRawPointer) -> Header {
        let header = unsafe block.load(as: Header.self)
        guard header.magic == Header.magic else {
            fatalError("locked memory is damaged: released what is not a block, or a block twice")
        }
        return header
    }
}
