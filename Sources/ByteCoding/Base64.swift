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
        var index = 0
        while index + 3 <= bytes.count {
            let group = UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2])
            output.append(Self.character(group >> 18))
            output.append(Self.character(group >> 12))
            output.append(Self.character(group >> 6))
            output.append(Self.character(group))
            index += 3
        }
        let rest = bytes.count - index
        guard rest > 0 else { return }
        let group = UInt32(bytes[index]) << 16 | (rest == 2 ? UInt32(bytes[index + 1]) << 8 : 0)
        output.append(Self.character(group >> 18))
        output.append(Self.character(group >> 12))
        output.append(rest == 2 ? Self.character(group >> 6) : UInt8(ascii: "="))
        output.append(UInt8(ascii: "="))
    }

    /// The text of bytes that are no secret.
    package static func encode(_ bytes: [UInt8]) -> String {
        String(decoding: Self.encodedBytes(bytes.span), as: UTF8.self)
    }

    /// The text, as ASCII bytes, of bytes that are no secret.
    package static func encodedBytes(_ bytes: Span<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(Self.encodedByteCount(bytes.count))
        var index = 0
        while index < bytes.count {
            let rest = bytes.count - index
            let group =
                UInt32(bytes[index]) << 16
                | (rest > 1 ? UInt32(bytes[index + 1]) << 8 : 0)
                | (rest > 2 ? UInt32(bytes[index + 2]) : 0)
            text.append(Self.character(group >> 18))
            text.append(Self.character(group >> 12))
            text.append(rest > 1 ? Self.character(group >> 6) : UInt8(ascii: "="))
            text.append(rest > 2 ? Self.character(group) : UInt8(ascii: "="))
            index += 3
        }
        return text
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
        _ text: Span<UInt8>, into output: inout MutableSpan<UInt8>
    ) throws(Malformed) -> Int {
        var written = 0
        var group: UInt32 = 0
        var digits = 0
        var index = 0
        while index < text.count {
            let character = text[index]
            if character == UInt8(ascii: "\n") || character == UInt8(ascii: "\r") {
                index += 1
                continue
            }
            if character == UInt8(ascii: "=") {
                try Self.checkPadding(of: text, at: index, digits: digits)
                group <<= UInt32(6 * (4 - digits))
                output[written] = UInt8(truncatingIfNeeded: group >> 16)
                if digits == 3 { output[written + 1] = UInt8(truncatingIfNeeded: group >> 8) }
                return written + digits - 1
            }
            let value = Self.value(character)
            guard value >= 0 else { throw Malformed(offset: index) }
            group = group << 6 | UInt32(value)
            digits += 1
            index += 1
            guard digits == 4 else { continue }
            output[written] = UInt8(truncatingIfNeeded: group >> 16)
            output[written + 1] = UInt8(truncatingIfNeeded: group >> 8)
            output[written + 2] = UInt8(truncatingIfNeeded: group)
            written += 3
            group = 0
            digits = 0
        }
        guard digits == 0 else { throw Malformed(offset: text.count - digits) }
        return written
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

    /// The character of the low six bits. Each term switches on, by a borrow, from one range of values on.
    private static func character(_ group: UInt32) -> UInt8 {
        let value = Int32(group & 63)
        var character = value + 65  // A–Z
        character += ((25 - value) >> 8) & 6  // a–z
        character -= ((51 - value) >> 8) & 75  // 0–9
        character -= ((61 - value) >> 8) & 15  // +
        character += ((62 - value) >> 8) & 3  // /
        return UInt8(truncatingIfNeeded: character)
    }

    /// The value of a character, -1 if it has none. Each term is a mask that is all ones within one range.
    private static func value(_ character: UInt8) -> Int32 {
        let code = Int32(character)
        var value: Int32 = -1
        value += (((64 - code) & (code - 91)) >> 8) & (code - 64)  // A–Z
        value += (((96 - code) & (code - 123)) >> 8) & (code - 70)  // a–z
        value += (((47 - code) & (code - 58)) >> 8) & (code + 5)  // 0–9
        value += (((42 - code) & (code - 44)) >> 8) & 63  // +
        value += (((46 - code) & (code - 48)) >> 8) & 64  // /
        return value
    }
}
