// SPDX-License-Identifier: Apache-2.0

/// The names that every key server allows: 1 to 80 letters, digits, `-` and `_`; no `-` at either end, and not `_` alone.
package enum KeyNameRule {
    private static let byteCountMax = 80

    /// - Parameter asPattern: whether the text may be empty, and may end in `*`.
    package static func allows(_ text: Span<UInt8>, asPattern: Bool = false) -> Bool {
        guard !text.isEmpty else { return asPattern }
        let end = text.count - 1
        for index in text.indices {
            let isStar = asPattern && index == end && text[index] == UInt8(ascii: "*")
            guard isStar || Self.isAllowed(text[index]) else { return false }
        }
        return text.count <= Self.byteCountMax && text[0] != UInt8(ascii: "-") && text[end] != UInt8(ascii: "-")
            && !(end == 0 && text[0] == UInt8(ascii: "_"))
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default:
            false
        }
    }
}
