// SPDX-License-Identifier: Apache-2.0

import LockedMemory
import Primitives

/// The range of a string in a text, without its quotes. Its UTF-8 and its escapes are valid.
struct JSONString {
    let range: Range<Int>
    let hasEscapes: Bool

    /// Parses the string whose opening quote is at `start`.
    init(at start: Int, in text: Span<UInt8>) throws(JSONError) {
        var hasEscapes = false
        var offset = start + 1
        while offset < text.count {
            if text.count - offset >= 8 {
                let plainByteCount = text.word(at: offset).plainByteCount
                offset += plainByteCount
                if plainByteCount == 8 { continue }
            }
            let byteCount: Int?
            switch text[offset] {
            case UInt8(ascii: "\""):
                self.range = start + 1..<offset
                self.hasEscapes = hasEscapes
                return
            case UInt8(ascii: "\\"):
                hasEscapes = true
                byteCount = JSONEscape(at: offset, in: text)?.byteCount
            case 0x20...0x7F:
                byteCount = 1
            case 0x80...0xFF:
                byteCount = UTF8Sequence.byteCount(at: offset, in: text)
            default:
                byteCount = nil
            }
            guard let byteCount else { break }
            offset += byteCount
        }
        throw .malformed(offset: offset, expected: .stringByte)
    }

    /// The unescaped bytes of the string, one at a time.
    var unescaped: Unescaped { Unescaped(offset: self.range.lowerBound, end: self.range.upperBound) }

    /// The unescaped bytes of a string that is not secret.
    func unescapedBytes(in text: Span<UInt8>) -> [UInt8] {
        [UInt8](capacity: self.range.count) { output in
            var unescaped = self.unescaped
            while let byte = unescaped.next(in: text) { output.append(byte) }
        }
    }

    /// The unescaped bytes of a secret string.
    func unescapedBytes(in text: Span<UInt8>, into memory: SecretMemory) throws(LockedMemoryError) -> Secret {
        // An escape is never shorter than its value.
        var secret = try Secret(byteCount: self.range.count, in: memory)
        let byteCount = secret.withMutableBytes { output in
            var unescaped = self.unescaped
            var count = 0
            while let byte = unescaped.next(in: text) {
                output[count] = byte
                count += 1
            }
            return count
        }
        secret.truncate(to: byteCount)
        return secret
    }

    /// Yields the bytes of a string one at a time, so that they can be written directly to their destination.
    struct Unescaped {
        fileprivate var offset: Int
        fileprivate let end: Int
        /// Remaining bytes of the last escape, the next one lowest.
        private var pending: UInt32 = 0

        fileprivate init(offset: Int, end: Int) {
            self.offset = offset
            self.end = end
        }

        mutating func next(in text: Span<UInt8>) -> UInt8? {
            if self.pending == 0 {
                guard self.offset < self.end else { return nil }
                guard let escape = JSONEscape(at: self.offset, in: text) else {
                    defer { self.offset += 1 }
                    return text[self.offset]
                }
                self.offset += escape.byteCount
                self.pending = escape.utf8
            }
            defer { self.pending >>= 8 }
            return UInt8(truncatingIfNeeded: self.pending)
        }
    }
}

extension UInt64 {
    /// How many of its eight bytes, from the lowest on, are ASCII characters that need no escape in a string: no quote,
    /// backslash or control character. A subtraction sets the highest bit of each byte that is too small; its borrow
    /// affects only later bytes.
    @inline(__always)
    fileprivate var plainByteCount: Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quote = self ^ (ones &* 0x22)
        let backslash = self ^ (ones &* 0x5C)
        let odd = (self &- ones &* 0x20) | (quote &- ones) | (backslash &- ones) | self
        return (odd & (ones &* 0x80)).trailingZeroBitCount / 8
    }
}
