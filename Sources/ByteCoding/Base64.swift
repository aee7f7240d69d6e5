// SPDX-License-Identifier: Apache-2.0

package import LockedMemory

/// Base64 as the key servers write and read it: the standard alphabet of RFC 4648 §4, padded.
///
/// Both directions work without tables and without branches on the data, so that a neighbour on the same processor
/// learns nothing of a key from the cache; and both write straight to where the bytes belong, so that no copy is left
/// behind.
package enum Base64 {
    /// Where a text stops being base64.
    package struct Malformed: Error, Equatable, Sendable {
        /// The offset into the text, as Go's decoder counts it.
        package let offset: Int

        package init(offset: Int) { self.offset = offset }
    }

    /// Characters for `byteCount` bytes, padding included.
    package static func encodedByteCount(_ byteCount: Int) -> Int { (byteCount + 2) / 3 * 4 }

    /// An upper bound of the bytes in `characterCount` characters; exact but for padding and line ends.
    package static func decodedByteCountMax(_ characterCount: Int) -> Int { (characterCount + 3) / 4 * 3 }

    /// Appends the text of `bytes`. `output` must have room for ``encodedByteCount(_:)``.
    package static func encode(_ bytes: Span<UInt8>, into output: inout OutputRawSpan) {
        for index in stride(from: 0, to: bytes.count, by: 3) {
            let characters = Self.characters(of: bytes, at: index)
            for position in characters.indices { output.append(characters[position]) }
        }
    }

    /// The text of bytes that are no secret.
    package static func encode(_ bytes: [UInt8]) -> String {
        String(decoding: Self.encodedBytes(bytes.span), as: UTF8.self)
    }

    /// The text, as ASCII bytes, of bytes that are no secret.
    package static func encodedBytes(_ bytes: Span<UInt8>) -> [UInt8] {
        [UInt8](capacity: Self.encodedByteCount(bytes.count)) { output in
            for index in stride(from: 0, to: bytes.count, by: 3) {
                let characters = Self.characters(of: bytes, at: index)
                for position in characters.indices { output.append(characters[position]) }
            }
        }
    }

    /// The four characters of the three bytes from `index` on, or of the one or two that are left.
    private static func characters(of bytes: Span<UInt8>, at index: Int) -> SIMD4<UInt8> {
        let rest = bytes.count - index
        let group =
            UInt32(bytes[index]) << 16
            | (rest > 1 ? UInt32(bytes[index + 1]) << 8 : 0)
            | (rest > 2 ? UInt32(bytes[index + 2]) : 0)
        var characters = Self.characters((SIMD4(repeating: group) &>> SIMD4(18, 12, 6, 0)) & 63)
        if rest < 2 { characters[2] = UInt8(ascii: "=") }
        if rest < 3 { characters[3] = UInt8(ascii: "=") }
        return characters
    }

    /// The bytes of a text that is no secret.
    ///
    /// - Throws: ``Malformed``.
    package static func decode(_ text: Span<UInt8>) throws(Malformed) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.decodedByteCountMax(text.count))
        var span = bytes.mutableSpan
        let count = try Self.decode(text, into: &span)
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    /// The bytes of a secret text, in locked memory.
    ///
    /// - Throws: ``Malformed``, or ``LockedMemoryError``.
    package static func decode(_ text: Span<UInt8>, into memory: SecretMemory) throws -> Secret {
        var secret = try Secret(byteCount: Self.decodedByteCountMax(text.count), in: memory)
        let count = try secret.withMutableBytes { bytes throws(Malformed) in
            try Self.decode(text, into: &bytes)
        }
        secret.truncate(to: count)
        return secret
    }

    /// Decodes by Go's rules: CR and LF are passed over anywhere, padding is required, the unused low bits of the last
    /// character need not be zero, nothing may follow the padding.
    ///
    /// - Returns: the number of bytes written, at most ``decodedByteCountMax(_:)``, for which `output` must have room.
    package static func decode(
        _ text: Span<UInt8>,
        into output: inout MutableSpan<UInt8>
    ) throws(Malformed) -> Int {
        var written = 0
        var index = 0
        while true {
            let group = try Self.nextGroup(of: text, at: &index)
            guard group.digits > 0 else { return written }
            for position in 0..<group.digits - 1 {
                output[written] = UInt8(truncatingIfNeeded: group.bits >> (16 - 8 * position))
                written += 1
            }
        }
    }

    /// The bits of up to four characters, those of the first one highest of 24.
    private struct Group {
        var bits: Int32 = 0
        /// 4; 2 or 3 when padding follows; 0 at the end.
        var digits = 0
    }

    /// Steps over the next four characters, or over what there is to the end of the text.
    private static func nextGroup(of text: Span<UInt8>, at index: inout Int) throws(Malformed) -> Group {
        // Nearly all of a text is groups without padding and line ends.
        if text.count - index >= 4 {
            let values = Self.values(SIMD4(text[index], text[index + 1], text[index + 2], text[index + 3]))
            if values.min() >= 0 {
                index += 4
                return Group(bits: (values &<< SIMD4(18, 12, 6, 0)).wrappedSum(), digits: 4)
            }
        }
        var group = Group()
        while index < text.count, group.digits < 4 {
            switch text[index] {
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                index += 1
            case UInt8(ascii: "="):
                try Self.checkPadding(of: text, at: index, digits: group.digits)
                index = text.count
                return group
            case let character:
                let value = Self.values(SIMD4(repeating: character))[0]
                guard value >= 0 else { throw Malformed(offset: index) }
                group.bits |= value << (18 - 6 * group.digits)
                group.digits += 1
                index += 1
            }
        }
        guard group.digits == 0 || group.digits == 4 else { throw Malformed(offset: text.count - group.digits) }
        return group
    }

    /// One or two `=`, as the digits before them ask for, then nothing but line ends.
    private static func checkPadding(of text: Span<UInt8>, at first: Int, digits: Int) throws(Malformed) {
        func isLineEnd(_ index: Int) -> Bool {
            text[index] == UInt8(ascii: "\n") || text[index] == UInt8(ascii: "\r")
        }
        guard digits >= 2 else { throw Malformed(offset: first) }
        var index = first + 1
        if digits == 2 {
            while index < text.count, isLineEnd(index) { index += 1 }
            guard index < text.count else { throw Malformed(offset: text.count) }
            guard text[index] == UInt8(ascii: "=") else { throw Malformed(offset: index - 1) }
            index += 1
        }
        while index < text.count, isLineEnd(index) { index += 1 }
        guard index == text.count else { throw Malformed(offset: index) }
    }

    /// The characters of four values below 64. Each term switches on, by a borrow, from one range of values on.
    @inline(__always)
    private static func characters(_ values: SIMD4<UInt32>) -> SIMD4<UInt8> {
        let values = SIMD4<Int32>(truncatingIfNeeded: values)
        var codes = values &+ 65  // A–Z
        codes &+= ((25 &- values) &>> 8) & 6  // a–z
        codes &-= ((51 &- values) &>> 8) & 75  // 0–9
        codes &-= ((61 &- values) &>> 8) & 15  // +
        codes &+= ((62 &- values) &>> 8) & 3  // /
        return SIMD4<UInt8>(truncatingIfNeeded: codes)
    }

    /// The values of four characters, -1 for one that has none. Each term is a mask that is all ones within one range.
    @inline(__always)
    private static func values(_ characters: SIMD4<UInt8>) -> SIMD4<Int32> {
        let codes = SIMD4<Int32>(truncatingIfNeeded: characters)
        var values = SIMD4<Int32>(repeating: -1)
        values &+= (((64 &- codes) & (codes &- 91)) &>> 8) & (codes &- 64)  // A–Z
        values &+= (((96 &- codes) & (codes &- 123)) &>> 8) & (codes &- 70)  // a–z
        values &+= (((47 &- codes) & (codes &- 58)) &>> 8) & (codes &+ 5)  // 0–9
        values &+= (((42 &- codes) & (codes &- 44)) &>> 8) & 63  // +
        values &+= (((46 &- codes) & (codes &- 48)) &>> 8) & 64  // /
        return values
    }
}
