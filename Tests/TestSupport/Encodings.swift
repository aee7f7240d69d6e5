// SPDX-License-Identifier: Apache-2.0

/// Bytes as text: the tests' own word on it, so that they do not agree with the agent by sharing its mistakes.
extension [UInt8] {
    package static func random(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count { unsafe Swift.withUnsafeBytes(of: generator.next()) { unsafe bytes += $0 } }
        return Array(bytes.prefix(count))
    }

    /// Standard alphabet, padded.
    package var base64: String {
        let alphabet = Self.alphabet
        var text: [UInt8] = []
        text.reserveCapacity((self.count + 2) / 3 * 4)
        for start in stride(from: 0, to: self.count, by: 3) {
            let group = self[start..<Swift.min(self.count, start + 3)]
            var bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
            for position in 0..<4 {
                bits &= 0xff_ffff
                text.append(position > group.count ? UInt8(ascii: "=") : alphabet[Int(bits >> 18)])
                bits <<= 6
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Nil if the text is not canonical: alphabet, padding and unused bits.
    package init?(base64 text: String) {
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var bitCount: UInt32 = 0
        for character in text.utf8.prefix(while: { $0 != UInt8(ascii: "=") }) {
            guard let value = Self.alphabet.firstIndex(of: character) else { return nil }
            bits = bits << 6 | UInt32(value)
            bitCount += 6
            guard bitCount >= 8 else { continue }
            bitCount -= 8
            bytes.append(UInt8(truncatingIfNeeded: bits >> bitCount))
        }
        guard bytes.base64 == text else { return nil }
        self = bytes
    }

    package func hex(uppercase: Bool = false) -> String {
        let digits = Array(uppercase ? "0123456789ABCDEF".utf8 : "0123456789abcdef".utf8)
        return String(decoding: self.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// - Precondition: an even number of hexadecimal digits. White space between them is passed over.
    package init(hex: String) {
        let hex = hex.filter { !$0.isWhitespace }
        let digits = hex.map { $0.hexDigitValue ?? 0 }
        precondition(digits.count.isMultiple(of: 2) && hex.allSatisfy(\.isHexDigit))
        self = stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
}
