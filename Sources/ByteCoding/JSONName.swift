// SPDX-License-Identifier: Apache-2.0

/// The name of a member, for `switch`: unescaped, ASCII capitals made small.
///
/// The key servers read names without regard to case, so `CONTEXT` is `context`. Literals are written in small letters.
package struct JSONName: Equatable, Sendable, ExpressibleByStringLiteral {
    /// No name that any reader knows is longer; a longer one matches no literal.
    private static let byteCountMax = 32

    /// Zeroes from `byteCount` on.
    private var bytes: SIMD32<UInt8> = .zero
    private var byteCount = 0

    package init(stringLiteral name: String) {
        precondition(name.utf8.count <= Self.byteCountMax, "a member's name is at most 32 bytes")
        for byte in name.utf8 { self.append(byte) }
    }

    init(_ string: JSONString, in text: Span<UInt8>) {
        var unescaped = string.unescaped
        while let byte = unescaped.next(in: text) { self.append(byte) }
    }

    private mutating func append(_ byte: UInt8) {
        defer { self.byteCount += 1 }
        guard self.byteCount < Self.byteCountMax else { return }
        let isCapital = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
        self.bytes[self.byteCount] = isCapital ? byte | 0x20 : byte
    }
}
