// SPDX-License-Identifier: Apache-2.0

/// White space by Unicode and MinIO (Go's `strings.TrimSpace`), in UTF-8. Works on bytes, so that secrets do not become
/// strings.
enum WhiteSpace {
    /// `range` without white space at its ends.
    static func trim(_ range: Range<Int>, of bytes: Span<UInt8>) -> Range<Int> {
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, let width = Self.width(at: start, before: end, in: bytes) { start += width }
        while let width = (1...3)
            .first(where: {
                end - $0 >= start && Self.width(at: end - $0, before: end, in: bytes) == $0
            })
        {
            end -= width
        }
        return start..<end
    }

    /// Length in bytes of the white space character at `index`. Nil if there is none.
    private static func width(at index: Int, before end: Int, in bytes: Span<UInt8>) -> Int? {
        switch (bytes[index], index + 1 < end ? bytes[index + 1] : 0, index + 2 < end ? bytes[index + 2] : 0) {
        case (0x09...0x0D, _, _), (0x20, _, _): 1
        case (0xC2, 0x85, _), (0xC2, 0xA0, _): 2
        case (0xE1, 0x9A, 0x80), (0xE3, 0x80, 0x80): 3
        case (0xE2, 0x80, 0x80...0x8A), (0xE2, 0x80, 0xA8...0xA9), (0xE2, 0x80, 0xAF), (0xE2, 0x81, 0x9F): 3
        default: nil
        }
    }
}

extension String {
    /// The text without white space at its ends.
    var trimmed: String {
        let bytes = Array(self.utf8)
        return String(decoding: bytes[WhiteSpace.trim(0..<bytes.count, of: bytes.span)], as: UTF8.self)
    }
}
