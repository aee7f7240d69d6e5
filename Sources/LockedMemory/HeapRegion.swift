// SPDX-License-Identifier: Apache-2.0

/// The blocks of one region. Free blocks are split for allocations, and joined with free neighbours on release.
///
/// Invariants:
/// 1. Blocks cover the region without gaps, up to the header that marks its end.
/// 2. No two neighbours are free.
/// 3. Outside of headers and links, the bytes of free blocks are zero.
@safe struct HeapRegion: ~Copyable {
    let region: LockedRegion
    private var free = FreeBlockLists()
    private(set) var blocksInUse = 0
    /// Bytes of allocated blocks, including headers.
    private(set) var byteCountInUse = 0

    init(_ region: consuming LockedRegion) {
        self.region = region
        guard let base = unsafe self.region.bytes.baseAddress else { return }
        let units = unsafe (self.region.bytes.count - BlockHeader.byteCount) / BlockHeader.unitByteCount
        unsafe Self.write(BlockHeader.free, at: base, units: units, previousUnits: 0)
        unsafe Self.write(
            BlockHeader.regionEnd, at: base + units * BlockHeader.unitByteCount, units: 0, previousUnits: units)
        unsafe self.free.insert(base, units: units)
    }

    /// Maximum payload of a region of `byteCount` bytes.
    static func payloadByteCountMax(of byteCount: Int) -> Int {
        byteCount - 2 * BlockHeader.byteCount - Canary.byteCount
    }

    // MARK: Blocks

    /// The payload of a new block, zeroed, with its canary; nil if no free block is long enough.
    @unsafe mutating func allocate(
        _ payloadByteCount: Int, mark: UInt32
    ) -> UnsafeMutableRawPointer? {
        let units = BlockHeader.units(holding: payloadByteCount)
        guard let block = unsafe self.free.block(ofAtLeast: units) else { return nil }
        let header = unsafe block.load(as: BlockHeader.self)
        unsafe self.free.remove(block, units: Int(header.units))
        let rest = Int(header.units) - units
        let taken = rest >= BlockHeader.unitsMin ? units : Int(header.units)
        unsafe block.storeBytes(
            of: BlockHeader(
                mark: mark, units: UInt32(taken), previousUnits: header.previousUnits,
                payloadByteCount: UInt32(payloadByteCount)),
            as: BlockHeader.self)
        let payload = unsafe block + BlockHeader.byteCount
        unsafe Canary.plant(at: payload + payloadByteCount)
        if taken == units { unsafe self.addFree(at: block, offset: taken, units: rest) }
        self.blocksInUse += 1
        self.byteCountInUse += taken * BlockHeader.unitByteCount
        return unsafe payload
    }

    /// Releases a block. Its payload and canary must be wiped before.
    @unsafe mutating func release(_ block: UnsafeMutableRawPointer) {
        let header = unsafe block.load(as: BlockHeader.self)
        self.blocksInUse -= 1
        self.byteCountInUse -= Int(header.units) * BlockHeader.unitByteCount
        var start = unsafe block
        var units = Int(header.units)
        var previousUnits = header.previousUnits
        if previousUnits > 0 {
            let previous = unsafe block - Int(previousUnits) * BlockHeader.unitByteCount
            let neighbour = unsafe previous.load(as: BlockHeader.self)
            if neighbour.mark == BlockHeader.free {
                unsafe self.free.remove(previous, units: Int(neighbour.units))
                unsafe Self.clearHeader(at: block)
                unsafe start = previous
                units += Int(neighbour.units)
                previousUnits = neighbour.previousUnits
            }
        }
        unsafe Self.write(BlockHeader.free, at: start, units: units, previousUnits: Int(previousUnits))
        unsafe self.joinWithNext(start, units: units)
    }

    /// Resizes an allocated block in place.
    ///
    /// - Returns: false, without effect, if the space behind it is in use.
    @unsafe mutating func resize(_ block: UnsafeMutableRawPointer, to payloadByteCount: Int) -> Bool {
        var header = unsafe block.load(as: BlockHeader.self)
        let units = BlockHeader.units(holding: payloadByteCount)
        let before = Int(header.units)
        if units > before {
            let next = unsafe block + before * BlockHeader.unitByteCount
            let neighbour = unsafe next.load(as: BlockHeader.self)
            guard neighbour.mark == BlockHeader.free, before + Int(neighbour.units) >= units else { return false }
            unsafe self.free.remove(next, units: Int(neighbour.units))
            unsafe Self.clearHeader(at: next)
            header.units += neighbour.units
            unsafe self.setPreviousUnits(ofBlockBehind: block, units: Int(header.units))
        }
        let rest = Int(header.units) - units
        if rest >= BlockHeader.unitsMin { header.units = UInt32(units) }
        header.payloadByteCount = UInt32(payloadByteCount)
        unsafe block.storeBytes(of: header, as: BlockHeader.self)
        if Int(header.units) == units { unsafe self.addFree(at: block, offset: units, units: rest) }
        self.byteCountInUse += (Int(header.units) - before) * BlockHeader.unitByteCount
        return true
    }

    /// Makes a free block of the rest behind an allocated one, if there is any.
    private mutating func addFree(at block: UnsafeMutableRawPointer, offset: Int, units: Int) {
        guard units > 0 else { return }
        let rest = unsafe block + offset * BlockHeader.unitByteCount
        unsafe Self.write(BlockHeader.free, at: rest, units: units, previousUnits: offset)
        unsafe self.joinWithNext(rest, units: units)
    }

    /// Joins an unlisted free block with the next block, if that is free, and lists it.
    private mutating func joinWithNext(_ block: UnsafeMutableRawPointer, units: Int) {
        var units = units
        let next = unsafe block + units * BlockHeader.unitByteCount
        let neighbour = unsafe next.load(as: BlockHeader.self)
        if neighbour.mark == BlockHeader.free {
            unsafe self.free.remove(next, units: Int(neighbour.units))
            unsafe Self.clearHeader(at: next)
            units += Int(neighbour.units)
            unsafe (block + 4).storeBytes(of: UInt32(units), as: UInt32.self)
        }
        unsafe self.setPreviousUnits(ofBlockBehind: block, units: units)
        unsafe self.free.insert(block, units: units)
    }

    private func setPreviousUnits(ofBlockBehind block: UnsafeMutableRawPointer, units: Int) {
        unsafe (block + units * BlockHeader.unitByteCount + 8).storeBytes(of: UInt32(units), as: UInt32.self)
    }

    private static func write(_ mark: UInt32, at block: UnsafeMutableRawPointer, units: Int, previousUnits: Int) {
        unsafe block.storeBytes(
            of: BlockHeader(
                mark: mark, units: UInt32(units), previousUnits: UInt32(previousUnits), payloadByteCount: 0),
            as: BlockHeader.self)
    }

    private static func clearHeader(at block: UnsafeMutableRawPointer) {
        unsafe block.storeBytes(
            of: BlockHeader(mark: 0, units: 0, previousUnits: 0, payloadByteCount: 0), as: BlockHeader.self)
    }

    // MARK: All blocks

    /// Calls `body` with the header and payload of each block, in order of address.
    @unsafe func forEachBlock(_ body: (BlockHeader, UnsafeMutableRawBufferPointer) -> Void) {
        guard var block = unsafe self.region.bytes.baseAddress else { return }
        while true {
            let header = unsafe block.load(as: BlockHeader.self)
            guard header.mark != BlockHeader.regionEnd else { return }
            let byteCount = Int(header.units) * BlockHeader.unitByteCount
            unsafe body(
                header,
                UnsafeMutableRawBufferPointer(
                    start: block + BlockHeader.byteCount, count: byteCount - BlockHeader.byteCount))
            unsafe block += byteCount
        }
    }
}
