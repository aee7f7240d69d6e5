// SPDX-License-Identifier: Apache-2.0

extension OutputRawSpan {
    /// Appends bytes.
    ///
    /// - Precondition: there is room for them.
    @inlinable
    public mutating func append(_ bytes: Span<UInt8>) {
        precondition(bytes.count <= self.freeCapacity, "more bytes than there is room for")
        unsafe self.withUnsafeMutableBytes { output, byteCount in
            unsafe bytes.withUnsafeBytes { bytes in
                unsafe UnsafeMutableRawBufferPointer(rebasing: output[byteCount...]).copyMemory(from: bytes)
            }
            byteCount += bytes.count
        }
    }

    /// Appends eight bytes.
    @inlinable
    public mutating func append(_ block: SIMD8<UInt8>) { unsafe self.append(block, as: SIMD8<UInt8>.self) }

    /// Appends the lowest `byteCount` bytes of a number, at most eight, little-endian.
    ///
    /// - Precondition: there is room for them.
    @inlinable @inline(__always)
    public mutating func append(_ word: UInt64, byteCount: Int) {
        precondition(0...8 ~= byteCount && byteCount <= self.freeCapacity, "more bytes than there is room for")
        guard self.freeCapacity >= 8 else {
            for position in 0..<byteCount { self.append(UInt8(truncatingIfNeeded: word >> UInt64(8 * position))) }
            return
        }
        unsafe self.withUnsafeMutableBytes { output, count in
            unsafe output.storeBytes(of: word.littleEndian, toByteOffset: count, as: UInt64.self)
            count += byteCount
        }
    }

    /// Appends a constant text.
    ///
    /// - Precondition: there is room for it.
    @inlinable @inline(__always)
    public mutating func append(ascii text: StaticString) {
        precondition(text.utf8CodeUnitCount <= self.freeCapacity, "more bytes than there is room for")
        unsafe self.withUnsafeMutableBytes { output, byteCount in
            unsafe UnsafeMutableRawBufferPointer(rebasing: output[byteCount...])
                .copyMemory(from: UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
            byteCount += text.utf8CodeUnitCount
        }
    }

    /// Appends a text in UTF-8.
    ///
    /// Does not use `utf8Span`: for a text that is stored inline in the string, optimised code reads the span after the
    /// string was released (Swift 6.3).
    @inlinable
    public mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            precondition(bytes.count <= self.freeCapacity, "more bytes than there is room for")
            unsafe self.withUnsafeMutableBytes { output, byteCount in
                unsafe UnsafeMutableRawBufferPointer(rebasing: output[byteCount...])
                    .copyMemory(from: UnsafeRawBufferPointer(bytes))
                byteCount += bytes.count
            }
        }
    }
}

extension OutputSpan<UInt8> {
    /// Appends bytes.
    ///
    /// - Precondition: there is room for them.
    @inlinable
    public mutating func append(_ bytes: Span<UInt8>) {
        precondition(bytes.count <= self.freeCapacity, "more bytes than there is room for")
        unsafe self.withUnsafeMutableBufferPointer { output, count in
            unsafe bytes.withUnsafeBytes { bytes in
                unsafe UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(output)[count...])
                    .copyMemory(from: bytes)
            }
            count += bytes.count
        }
    }

    /// Appends the lowest `byteCount` bytes of a number, at most eight, little-endian.
    ///
    /// - Precondition: there is room for all eight.
    @inlinable @inline(__always)
    public mutating func append(_ word: UInt64, byteCount: Int) {
        precondition(byteCount <= 8 && self.freeCapacity >= 8, "more bytes than there is room for")
        unsafe self.withUnsafeMutableBufferPointer { output, count in
            unsafe UnsafeMutableRawBufferPointer(output).storeBytes(of: word, toByteOffset: count, as: UInt64.self)
            count += byteCount
        }
    }
}
