// SPDX-License-Identifier: Apache-2.0

/// Eight bytes at a time, for loops over text.
extension Span<UInt8> {
    /// The eight bytes from `offset` on.
    @inlinable @inline(__always)
    package func block(at offset: Int) -> SIMD8<UInt8> {
        unsafe self.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: SIMD8<UInt8>.self)  // Checks the bounds.
    }

    /// The same as a number, the first byte lowest.
    @inlinable @inline(__always)
    package func word(at offset: Int) -> UInt64 {
        UInt64(littleEndian: unsafe self.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
}
