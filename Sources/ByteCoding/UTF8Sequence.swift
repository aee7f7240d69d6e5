// SPDX-License-Identifier: Apache-2.0

/// The bytes of one UTF-8 character, by table 3-7 of the Unicode standard: no overlong forms, no surrogates, nothing
/// above U+10FFFF.
enum UTF8Sequence {
    /// The length of the character at `offset`; nil if there is no complete and valid one.
    static func byteCount(at offset: Int, in text: Span<UInt8>) -> Int? {
        let lead = text[offset]
        let byteCount: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch lead {
        case 0x00...0x7F: return 1
        case 0xC2...0xDF: byteCount = 2
        case 0xE0...0xEF:
            byteCount = 3
            if lead == 0xE0 { second = 0xA0...0xBF }
            if lead == 0xED { second = 0x80...0x9F }
        case 0xF0...0xF4:
            byteCount = 4
            if lead == 0xF0 { second = 0x90...0xBF }
            if lead == 0xF4 { second = 0x80...0x8F }
        default: return nil
        }
        guard byteCount <= text.count - offset, second.contains(text[offset + 1]) else { return nil }
        for index in offset + 2..<offset + byteCount where text[index] & 0xC0 != 0x80 { return nil }
        return byteCount
    }
}
