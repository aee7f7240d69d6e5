// SPDX-License-Identifier: Apache-2.0

/// The boundary tag in front of each block of a ``LockedHeap``.
///
/// Layout of a block: `[header, 16 bytes][payload][canary, 8 bytes][zeroes]`, a multiple of 16 bytes. In a free block,
/// the payload begins with the addresses of the next and the previous free block of its list; all other bytes are zero.
/// Blocks of ordinary memory that ``SecretMemory`` allocates beside its heaps have the same header.
struct BlockHeader {
    /// The kind of block: ``allocated`` with the heap's number in the low byte, ``free`` or ``regionEnd``.
    var mark: UInt32
    /// Length of the whole block in units of 16 bytes.
    var units: UInt32
    /// Length of the block before this one in the same region; 0 for the first block.
    var previousUnits: UInt32
    /// Requested length in bytes; 0 in a free block.
    var payloadByteCount: UInt32

    static let byteCount = 16
    static let unitByteCount = 16
    /// A header and the two links of a free list.
    static let unitsMin = 2
    static let linksByteCount = 16

    static let allocated: UInt32 = 0x4b59_5300
    static let free: UInt32 = 0x4652_4545
    static let regionEnd: UInt32 = 0x454e_4421

    /// The heap of an allocated block; nil for any other bytes.
    var heapNumber: UInt8? {
        self.mark & 0xffff_ff00 == Self.allocated ? UInt8(truncatingIfNeeded: self.mark) : nil
    }

    /// Units of a block with a payload and its canary.
    static func units(holding payloadByteCount: Int) -> Int {
        let byteCount = payloadByteCount + Self.byteCount + Canary.byteCount
        return max(Self.unitsMin, (byteCount + Self.unitByteCount - 1) / Self.unitByteCount)
    }

    @unsafe static func of(payload: UnsafeMutableRawPointer) -> BlockHeader {
        unsafe (payload - Self.byteCount).load(as: BlockHeader.self)
    }

    /// The header of a block that is to be released or resized.
    ///
    /// Aborts the process if it is invalid: the caller released a block twice, or code overwrote the header.
    @unsafe static func ofAllocated(payload: UnsafeMutableRawPointer) -> BlockHeader {
        let header = unsafe Self.of(payload: payload)
        guard header.heapNumber != nil else {
            fatalError("locked memory is damaged: a pointer that is no allocated block was released")
        }
        return header
    }
}
