// SPDX-License-Identifier: Apache-2.0

/// An escape sequence in a string. The two halves of a surrogate pair are one escape.
struct JSONEscape {
    let scalar: Unicode.Scalar
    /// Encoded length: 2, 6 or 12.
    let byteCount: Int

    /// Nil if there is no escape at `offset`, or it is incomplete or half of a surrogate pair.
    init?(at offset: Int, in text: Span<UInt8>) {
        guard offset + 1 < text.count, text[offset] == UInt8(ascii: "\\") else { return nil }
        switch text[offset + 1] {
        case UInt8(ascii: "\""): self.init("\"")
        case UInt8(ascii: "\\"): self.init("\\")
        case UInt8(ascii: "/"): self.init("/")
        case UInt8(ascii: "b"): self.init("\u{8}")
        case UInt8(ascii: "f"): self.init("\u{C}")
        case UInt8(ascii: "n"): self.init("\n")
        case UInt8(ascii: "r"): self.init("\r")
        case UInt8(ascii: "t"): self.init("\t")
        case UInt8(ascii: "u"): self.init(codeUnitsAt: offset, in: text)
        default: return nil
        }
    }

    private init(_ scalar: Unicode.Scalar, byteCount: Int = 2) {
        self.scalar = scalar
        self.byteCount = byteCount
    }

    private init?(codeUnitsAt offset: Int, in text: Span<UInt8>) {
        guard let unit = Self.codeUnit(at: offset, in: text) else { return nil }
        if let scalar = Unicode.Scalar(unit) {
            self.init(scalar, byteCount: 6)
        } else {
            guard UTF16.isLeadSurrogate(unit), let trail = Self.codeUnit(at: offset + 6, in: text),
                UTF16.isTrailSurrogate(trail)
            else { return nil }
            self.init(UTF16.decode(UTF16.EncodedScalar([unit, trail])), byteCount: 12)
        }
    }

    /// The value of `\u` and four hexadecimal digits.
    private static func codeUnit(at offset: Int, in text: Span<UInt8>) -> UInt16? {
        guard offset + 6 <= text.count, text[offset] == UInt8(ascii: "\\"), text[offset + 1] == UInt8(ascii: "u")
        else { return nil }
        var unit: UInt16 = 0
        for index in offset + 2..<offset + 6 {
            guard let digit = Character(Unicode.Scalar(text[index])).hexDigitValue else { return nil }
            unit = unit << 4 | UInt16(digit)
        }
        return unit
    }

    /// The scalar in UTF-8, first byte lowest.
    var utf8: UInt32 {
        var packed: UInt32 = 0
        for (index, byte) in self.scalar.utf8.enumerated() { packed |= UInt32(byte) << (8 * UInt32(index)) }
        return packed
    }
}
