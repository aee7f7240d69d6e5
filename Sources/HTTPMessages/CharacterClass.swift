// SPDX-License-Identifier: Apache-2.0

/// Byte classes of the grammars of HTTP and URIs.
extension UInt8 {
    static let carriageReturn = UInt8(ascii: "\r")
    static let lineFeed = UInt8(ascii: "\n")
    static let space = UInt8(ascii: " ")
    static let slash = UInt8(ascii: "/")

    /// `tchar` of RFC 9110 §5.6.2: the characters of methods and field names.
    @inline(__always)
    var isTokenCharacter: Bool {
        // A bit set of ASCII, tested without a branch, because every byte of every name is tested.
        let members: UInt64 = self < 64 ? 0x03FF_6CFA_0000_0000 : 0x57FF_FFFF_C7FF_FFFE
        return self < 128 && members >> UInt64(self & 63) & 1 == 1
    }

    /// A byte of a field value, RFC 9110 §5.5: no control character except tab.
    @inline(__always)
    var isFieldValueCharacter: Bool { self >= 0x20 && self != 0x7F || self == UInt8(ascii: "\t") }

    /// A byte of a request target. Bytes outside ASCII are accepted, because clients send UTF-8 names unescaped.
    @inline(__always)
    var isTargetCharacter: Bool { self > 0x20 && self != 0x7F }

    /// `OWS` of RFC 9110 §5.6.3: white space around field values and list members.
    var isOptionalWhitespace: Bool { self == .space || self == UInt8(ascii: "\t") }

    /// A character of a host with its port, RFC 3986 §3.2.2.
    var isHostCharacter: Bool {
        switch Unicode.Scalar(self) {
        case ":", "[", "]", "%": true
        case let character: character.isUnreserved || character.isSubDelimiter
        }
    }

    /// A character that may appear in a URI unescaped, reserved or unreserved, RFC 3986 §2.
    var isURICharacter: Bool {
        switch Unicode.Scalar(self) {
        case ":", "/", "?", "#", "[", "]", "@", "%": true
        case let character: character.isUnreserved || character.isSubDelimiter
        }
    }

    var hexDigitValue: UInt8? {
        switch Unicode.Scalar(self) {
        case "0"..."9": self - UInt8(ascii: "0")
        case "A"..."F": self - UInt8(ascii: "A") + 10
        case "a"..."f": self - UInt8(ascii: "a") + 10
        default: nil
        }
    }

    var decimalDigitValue: UInt8? {
        let value = self &- UInt8(ascii: "0")
        return value < 10 ? value : nil
    }
}

extension Unicode.Scalar {
    fileprivate var isUnreserved: Bool {
        switch self {
        case "A"..."Z", "a"..."z", "0"..."9", "-", ".", "_", "~": true
        default: false
        }
    }

    fileprivate var isSubDelimiter: Bool {
        switch self {
        case "!", "$", "&", "'", "(", ")", "*", "+", ",", ";", "=": true
        default: false
        }
    }
}

extension UInt64 {
    /// How many of its eight bytes, from the lowest on, are ASCII, at least `first`, and not DEL. A subtraction sets
    /// the highest bit of each byte that is too small; its borrow affects only later bytes.
    @inline(__always)
    func visibleByteCount(from first: UInt64) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let odd = self | (self &- (ones &* first)) | ((self ^ (ones &* 0x7F)) &- ones)
        return (odd & (ones &* 0x80)).trailingZeroBitCount / 8
    }
}

extension UInt64 {
    /// How many of its eight bytes, from the lowest on, are ASCII letters or `-`, the characters of header names. May
    /// return too few.
    @inline(__always)
    var letterOrDashCount: Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let high = ones &* 0x80
        // For bytes below 0x80, whose sums stay within their bytes.
        let dashes = (((self ^ (ones &* 0x2D)) & ~high) &+ (ones &* 0x7F)) & high  // Clear in the bytes of a dash.
        let small = (self | (ones &* 0x20)) & ~high
        let isAtLeastA = small &+ (ones &* (0x80 - 0x61))
        let isBeyondZ = small &+ (ones &* (0x80 - 0x7B))
        let letters = isAtLeastA & ~isBeyondZ & high
        let odd = (~letters & dashes | self) & high
        return odd.trailingZeroBitCount / 8
    }
}
