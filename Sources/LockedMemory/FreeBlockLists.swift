// SPDX-License-Identifier: Apache-2.0

/// The free blocks of a heap in lists by size, as in TLSF (Masmano et al., ECRTS 2004). Bitmaps find the smallest class
/// whose blocks all fit, in constant time.
///
/// Blocks of fewer than 16 units have a class per size. Larger blocks have 16 classes per power of two, so a block is
/// at most 1/16 longer than the shortest block of its class.
///
/// The tables are separate allocations: the compiler would copy an inline array as a whole to read one element.
///
/// `@unchecked Sendable`: the addresses are private, and the heap's lock protects the value.
@safe struct FreeBlockLists: ~Copyable, @unchecked Sendable {
    private static let classesPerPower = 16
    private static let powers = 29

    /// Bit n: some class of power n has a block. A pointer, like the tables, because ThreadSanitizer's pass in Swift
    /// 6.3 crashes on a field of this type that is changed in place.
    private let usedPowers: UnsafeMutablePointer<UInt32>
    /// Bit m of element n: class m of power n has a block.
    private let usedClasses: UnsafeMutablePointer<UInt16>
    /// Address of the first block of each class; 0 if there is none.
    private let heads: UnsafeMutablePointer<UInt>

    /// How many blocks of the next lower class are examined if no class of surely fitting blocks has one.
    private static let examinedMax = 256

    init() {
        unsafe self.usedPowers = .allocate(capacity: 1)
        unsafe self.usedPowers.initialize(to: 0)
        unsafe self.usedClasses = .allocate(capacity: Self.powers)
        unsafe self.usedClasses.initialize(repeating: 0, count: Self.powers)
        unsafe self.heads = .allocate(capacity: Self.powers * Self.classesPerPower)
        unsafe self.heads.initialize(repeating: 0, count: Self.powers * Self.classesPerPower)
    }

    deinit {
        unsafe self.usedPowers.deallocate()
        unsafe self.usedClasses.deallocate()
        unsafe self.heads.deallocate()
    }

    mutating func insert(_ block: UnsafeMutableRawPointer, units: Int) {
        let (power, slot) = Self.class(of: units)
        let index = power * Self.classesPerPower + slot
        let next = unsafe self.heads[index]
        unsafe Self.setLinks(of: block, next: next, previous: 0)
        if let next = unsafe UnsafeMutableRawPointer(bitPattern: next) {
            unsafe Self.setPrevious(of: next, UInt(bitPattern: block))
        }
        unsafe self.heads[index] = UInt(bitPattern: block)
        unsafe self.usedClasses[power] |= 1 << UInt16(slot)
        unsafe self.usedPowers.pointee |= 1 << UInt32(power)
    }

    /// Removes a block from its list, and clears its links.
    mutating func remove(_ block: UnsafeMutableRawPointer, units: Int) {
        let next = unsafe Self.next(of: block)
        let previous = unsafe (block + BlockHeader.byteCount + 8).load(as: UInt.self)
        if let next = unsafe UnsafeMutableRawPointer(bitPattern: next) { unsafe Self.setPrevious(of: next, previous) }
        if let previous = unsafe UnsafeMutableRawPointer(bitPattern: previous) {
            unsafe (previous + BlockHeader.byteCount).storeBytes(of: next, as: UInt.self)
        } else {
            let (power, slot) = Self.class(of: units)
            unsafe self.heads[power * Self.classesPerPower + slot] = next
            if next == 0 {
                unsafe self.usedClasses[power] &= ~(1 << UInt16(slot))
                if unsafe self.usedClasses[power] == 0 { unsafe self.usedPowers.pointee &= ~(1 << UInt32(power)) }
            }
        }
        unsafe Self.setLinks(of: block, next: 0, previous: 0)
    }

    /// A block of at least `units`, still in its list; nil if there is none.
    func block(ofAtLeast units: Int) -> UnsafeMutableRawPointer? {
        let (power, slot) = Self.class(of: Self.roundedUp(units))
        let classes = unsafe self.usedClasses[power] & (UInt16.max << UInt16(slot))
        if classes != 0 { return unsafe self.head(power, classes.trailingZeroBitCount) }
        let powers = unsafe self.usedPowers.pointee & (UInt32.max << UInt32(power + 1))
        if powers != 0 {
            let power = powers.trailingZeroBitCount
            return unsafe self.head(power, self.usedClasses[power].trailingZeroBitCount)
        }
        return unsafe self.fittingBlock(inClassOf: units)
    }

    /// Searches the class of `units` itself, where only some blocks are long enough.
    private func fittingBlock(inClassOf units: Int) -> UnsafeMutableRawPointer? {
        let (power, slot) = Self.class(of: units)
        var candidate = unsafe self.head(power, slot)
        for _ in 0..<Self.examinedMax {
            guard let block = unsafe candidate else { return nil }
            if unsafe block.load(as: BlockHeader.self).units >= units { return unsafe block }
            unsafe candidate = UnsafeMutableRawPointer(bitPattern: Self.next(of: block))
        }
        return nil
    }

    private func head(_ power: Int, _ slot: Int) -> UnsafeMutableRawPointer? {
        unsafe UnsafeMutableRawPointer(bitPattern: self.heads[power * Self.classesPerPower + slot])
    }

    // MARK: Classes

    private static func `class`(of units: Int) -> (power: Int, slot: Int) {
        guard units >= Self.classesPerPower else { return (0, units) }
        let log = Int.bitWidth - 1 - units.leadingZeroBitCount
        return (log - 3, units >> (log - 4) & (Self.classesPerPower - 1))
    }

    /// The shortest length whose class has only blocks of at least `units`.
    private static func roundedUp(_ units: Int) -> Int {
        guard units >= Self.classesPerPower else { return units }
        let log = Int.bitWidth - 1 - units.leadingZeroBitCount
        return units + (1 << (log - 4)) - 1
    }

    // MARK: Links

    private static func next(of block: UnsafeMutableRawPointer) -> UInt {
        unsafe (block + BlockHeader.byteCount).load(as: UInt.self)
    }

    private static func setPrevious(of block: UnsafeMutableRawPointer, _ previous: UInt) {
        unsafe (block + BlockHeader.byteCount + 8).storeBytes(of: previous, as: UInt.self)
    }

    private static func setLinks(of block: UnsafeMutableRawPointer, next: UInt, previous: UInt) {
        unsafe (block + BlockHeader.byteCount).storeBytes(of: next, as: UInt.self)
        unsafe Self.setPrevious(of: block, previous)
    }
}
