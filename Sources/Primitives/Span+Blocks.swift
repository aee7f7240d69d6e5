// SPDX-License-Identifier: Apache-2.0

/// Compares and reads bytes eight at a time.
extension Span<UInt8> {
    /// The eight bytes from `offset` on.
    @inlinable @inline(__always)
    public func block(at offset: Int) -> SIMD8<UInt8> {
        unsafe self.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: SIMD8<UInt8>.self)  // Checks the bounds.
    }

    /// The eight bytes from `offset` on as a little-endian number.
    @inlinable @inline(__always)
    public func word(at offset: Int) -> UInt64 {
        UInt64(littleEndian: unsafe self.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// Whether the bytes equal others.
    @inlinable @inline(__always)
    public func isEqual(to other: Span<UInt8>) -> Bool {
        guard self.count == other.count else { return false }
        var offset = 0
        while offset + 8 <= self.count {
            if self.word(at: offset) != other.word(at: offset) { return false }
            offset += 8
        }
        while offset < self.count {
            if self[offset] != other[offset] { return false }
            offset += 1
        }
        return true
    }

    /// Whether the bytes equal `text`.
    @inlinable @inline(__always)
    public func isEqual(to text: StaticString) -> Bool {
        guard self.count == text.utf8CodeUnitCount else { return false }
        for index in self.indices where unsafe self[index] != text.utf8Start[index] { return false }
        return true
    }

    /// Whether the bytes equal `text`, which is in lower case, ignoring the case of ASCII letters.
    @inlinable @inline(__always)
    public func isEqual(toLowercased text: StaticString) -> Bool {
        guard self.count == text.utf8CodeUnitCount else { return false }
        for index in self.indices {
            let byte = self[index]
            let lowercased = byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
            if unsafe lowercased != text.utf8Start[index] { return false }
        }
        return true
    }
}

extension SIMD8<UInt8> {
    /// The eight bytes of a number, little-endian.
    @inlinable @inline(__always)
    public init(bytesOf number: UInt64) { self = unsafe unsafeBitCast(number.littleEndian, to: Self.self) }
}
