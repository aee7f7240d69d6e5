// SPDX-License-Identifier: Apache-2.0

package import LockedMemory
import Primitives

/// Base64 in the key servers' format: the standard alphabet of RFC 4648 §4, padded.
///
/// Both directions use no tables and no branches on the data, so that a neighbour on the same processor learns nothing
/// about a key from the cache. Both write directly to the destination, so that no copy remains.
package enum Base64 {
    /// The position where a text is not base64.
    package struct Malformed: Error, Equatable, Sendable {
        /// Offset into the text, counted as Go's decoder does.
        package let offset: Int

        package init(offset: Int) { self.offset = offset }
    }

    /// Number of characters for `byteCount` bytes, including padding.
    package static func encodedByteCount(_ byteCount: Int) -> Int { (byteCount + 2) / 3 * 4 }

    /// Upper bound of the bytes in `characterCount` characters; exact except for padding and line ends.
    package static func decodedByteCountMax(_ characterCount: Int) -> Int { (characterCount + 3) / 4 * 3 }

    /// Appends the text of `bytes`.
    ///
    /// - Precondition: `output` has room for ``encodedByteCount(_:)``.
    package static func encode(_ bytes: Span<UInt8>, into output: inout OutputRawSpan) {
        var index = 0
        while bytes.count - index >= 8 {  // Six of them are used.
            output.append(Self.characters(bytes.word(at: index).byteSwapped))
            index += 6
        }
        while index < bytes.count {
            let characters = Self.characters(of: bytes, at: index)
            for position in 0..<4 { output.append(characters[position]) }
            index += 3
        }
    }

    /// The text of bytes that are not secret.
    package static func encode(_ bytes: [UInt8]) -> String {
        String(decoding: Self.encodedBytes(bytes.span), as: UTF8.self)
    }

    /// The text, in ASCII, of bytes that are not secret.
    package static func encodedBytes(_ bytes: Span<UInt8>) -> [UInt8] {
        [UInt8](capacity: Self.encodedByteCount(bytes.count)) { output in
            for index in stride(from: 0, to: bytes.count, by: 3) {
                let characters = Self.characters(of: bytes, at: index)
                for position in 0..<4 { output.append(characters[position]) }
            }
        }
    }

    /// The eight characters of the six highest bytes of a number.
    @inline(__always)
    private static func characters(_ word: UInt64) -> SIMD8<UInt8> {
        // Halves of 24 bits, quarters of 12, values of 6: each in its own lane, the first one lowest.
        var values = word >> 40 | (word >> 16 & 0xff_ffff) << 32
        values = values >> 12 & 0x0000_0fff_0000_0fff | (values & 0x0000_0fff_0000_0fff) << 16
        values = values >> 6 & 0x003f_003f_003f_003f | (values & 0x003f_003f_003f_003f) << 8
        return Self.characters(SIMD8<Int16>(truncatingIfNeeded: SIMD8(bytesOf: values)))
    }

    /// The four characters of up to three bytes from `index` on, in the lower half.
    private static func characters(of bytes: Span<UInt8>, at index: Int) -> SIMD8<UInt8> {
        let rest = bytes.count - index
        let group =
            UInt64(bytes[index]) << 56
            | (rest > 1 ? UInt64(bytes[index + 1]) << 48 : 0)
            | (rest > 2 ? UInt64(bytes[index + 2]) << 40 : 0)
        var characters = Self.characters(group)
        if rest < 2 { characters[2] = UInt8(ascii: "=") }
        if rest < 3 { characters[3] = UInt8(ascii: "=") }
        return characters
    }

    /// The bytes of a text that is not secret.
    ///
    /// - Throws: ``Malformed``.
    package static func decode(_ text: Span<UInt8>) throws(Malformed) -> [UInt8] {
        try [UInt8](room: Self.decodedByteCountMax(text.count)) { output throws(Malformed) in
            try Self.decode(text, into: &output)
        }
    }

    /// The bytes of a secret text, in locked memory.
    ///
    /// - Throws: ``Malformed``, or ``LockedMemoryError``.
    package static func decode(_ text: Span<UInt8>, into memory: SecretMemory) throws -> Secret {
        var secret = try Secret(byteCount: Self.decodedByteCountMax(text.count), in: memory)
        try secret.rewrite { output throws(Malformed) in try Self.decode(text, into: &output) }
        return secret
    }

    /// Decodes by Go's rules: CR and LF are ignored everywhere, padding is required, the unused low bits of the last
    /// character need not be zero, and nothing may follow the padding.
    ///
    /// Appends at most ``decodedByteCountMax(_:)`` bytes.
    ///
    /// - Precondition: `output` has room for them.
    package static func decode(
        _ text: Span<UInt8>,
        into output: inout OutputSpan<UInt8>
    ) throws(Malformed) {
        var index = 0
        while true {
            // Most of a text is groups without padding and line ends.
            while text.count - index >= 8, output.freeCapacity >= 8 {
                let groups = Self.groups(of: text.block(at: index))
                guard groups[0] | groups[1] >= 0 else { break }
                let bits = UInt64(UInt32(bitPattern: groups[0])) << 40 | UInt64(UInt32(bitPattern: groups[1])) << 16
                output.append(bits.byteSwapped, byteCount: 6)
                index += 8
            }
            let group = try Self.nextGroup(of: text, at: &index)
            guard group.digits > 0 else { return }
            Self.append(group.bits, digits: group.digits, to: &output)
        }
    }

    @inline(__always)
    private static func append(_ bits: Int32, digits: Int, to output: inout OutputSpan<UInt8>) {
        output.append(UInt8(truncatingIfNeeded: bits >> 16))
        if digits > 2 { output.append(UInt8(truncatingIfNeeded: bits >> 8)) }
        if digits > 3 { output.append(UInt8(truncatingIfNeeded: bits)) }
    }

    /// The bits of up to four characters, the first one in the highest of 24 bits.
    private struct Group {
        var bits: Int32 = 0
        /// 4; 2 or 3 before padding; 0 at the end.
        var digits = 0
    }

    /// Consumes the next four characters, or the rest of the text.
    private static func nextGroup(of text: Span<UInt8>, at index: inout Int) throws(Malformed) -> Group {
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
                let value = Self.value(of: character)
                guard value >= 0 else { throw Malformed(offset: index) }
                group.bits |= value << (18 - 6 * Int32(group.digits))
                group.digits += 1
                index += 1
            }
        }
        guard group.digits == 0 || group.digits == 4 else { throw Malformed(offset: text.count - group.digits) }
        return group
    }

    /// Requires one or two `=`, depending on the digits before them, then only line ends.
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

    /// The characters of eight values below 64. Each term takes effect, by a borrow, from one range of values on.
    @inline(__always)
    private static func characters(_ values: SIMD8<Int16>) -> SIMD8<UInt8> {
        var codes = values &+ 65  // A–Z
        codes &+= ((25 &- values) &>> 8) & 6  // a–z
        codes &-= ((51 &- values) &>> 8) & 75  // 0–9
        codes &-= ((61 &- values) &>> 8) & 15  // +
        codes &+= ((62 &- values) &>> 8) & 3  // /
        return SIMD8<UInt8>(truncatingIfNeeded: codes)
    }

    /// The bits of two groups of four characters, 24 each; negative if a character is invalid.
    @inline(__always)
    private static func groups(of characters: SIMD8<UInt8>) -> SIMD2<Int32> {
        let values = Self.values(characters)
        let pairs =
            SIMD4<Int32>(truncatingIfNeeded: values.evenHalf) &<< 6 | SIMD4<Int32>(truncatingIfNeeded: values.oddHalf)
        return pairs.evenHalf &<< 12 | pairs.oddHalf
    }

    /// The values of eight characters, -1 for an invalid one. Each term is a mask that is all ones within one range.
    @inline(__always)
    private static func values(_ characters: SIMD8<UInt8>) -> SIMD8<Int16> {
        let codes = SIMD8<Int16>(truncatingIfNeeded: characters)
        var values = SIMD8<Int16>(repeating: -1)
        values &+= (((64 &- codes) & (codes &- 91)) &>> 8) & (codes &- 64)  // A–Z
        values &+= (((96 &- codes) & (codes &- 123)) &>> 8) & (codes &- 70)  // a–z
        values &+= (((47 &- codes) & (codes &- 58)) &>> 8) & (codes &+ 5)  // 0–9
        values &+= (((42 &- codes) & (codes &- 44)) &>> 8) & 63  // +
        values &+= (((46 &- codes) & (codes &- 48)) &>> 8) & 64  // /
        return values
    }

    /// The value of one character, -1 if it is invalid, by the same terms.
    @inline(__always)
    private static func value(of character: UInt8) -> Int32 {
        let code = Int32(character)
        var value: Int32 = -1
        value &+= (((64 &- code) & (code &- 91)) &>> 8) & (code &- 64)
        value &+= (((96 &- code) & (code &- 123)) &>> 8) & (code &- 70)
        value &+= (((47 &- code) & (code &- 58)) &>> 8) & (code &+ 5)
        value &+= (((42 &- code) & (code &- 44)) &>> 8) & 63
        value &+= (((46 &- code) & (code &- 48)) &>> 8) & 64
        return value
    }
}
