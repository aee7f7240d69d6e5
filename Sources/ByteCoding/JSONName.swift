// SPDX-License-Identifier: Apache-2.0

/// The name of a member, for `switch`: unescaped, with ASCII letters in lower case.
///
/// The key servers ignore the case of names: `CONTEXT` is `context`. Literals must be in lower case.
package struct JSONName: Equatable, Sendable, ExpressibleByStringLiteral {
    /// The longest name that any reader knows. A longer name equals no literal.
    package static let byteCountMax = 23

    /// The bytes as base-256 digits of a number, after a leading 1 that preserves leading zeros.
    private var high: UInt64 = 0
    private var middle: UInt64 = 0
    private var low: UInt64 = 1

    /// - Precondition: lower case, at most ``byteCountMax`` bytes.
    package init(stringLiteral name: String) {
        precondition(name.utf8.count <= Self.byteCountMax, "a member's name is too long for a literal")
        for byte in name.utf8 { self.append(byte) }
    }

    init(_ string: JSONString, in text: Span<UInt8>) {
        guard string.hasEscapes else {
            guard string.range.count <= Self.byteCountMax else {
                self.high = .max
                return
            }
            for index in string.range { self.appendWithinBounds(text[index]) }
            return
        }
        var unescaped = string.unescaped
        while let byte = unescaped.next(in: text) { self.append(byte) }
    }

    private mutating func append(_ byte: UInt8) {
        guard self.high >> 56 == 0 else {
            self.high = .max
            return
        }
        self.appendWithinBounds(byte)
    }

    @inline(__always)
    private mutating func appendWithinBounds(_ byte: UInt8) {
        let isCapital = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
        self.high = self.high << 8 | self.middle >> 56
        self.middle = self.middle << 8 | self.low >> 56
        self.low = self.low << 8 | UInt64(isCapital ? byte | 0x20 : byte)
    }
}
