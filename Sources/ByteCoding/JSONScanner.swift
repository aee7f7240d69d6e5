// SPDX-License-Identifier: Apache-2.0

/// The tokens of JSON: a cursor that consumes a token if it is next. White space before a token is skipped.
struct JSONScanner {
    private(set) var offset = 0

    /// The first byte of the next token; nil at the end.
    mutating func peek(in text: Span<UInt8>) -> UInt8? {
        while self.offset < text.count {
            switch text[self.offset] {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"): self.offset += 1
            case let byte: return byte
            }
        }
        return nil
    }

    /// Consumes a bracket, comma or colon.
    mutating func take(_ mark: Unicode.Scalar, in text: Span<UInt8>) -> Bool {
        guard self.peek(in: text) == UInt8(ascii: mark) else { return false }
        self.offset += 1
        return true
    }

    /// Consumes `null`, `true` or `false`.
    mutating func take(word: String, in text: Span<UInt8>) -> Bool {
        guard self.peek(in: text) == word.utf8.first, word.utf8.count <= text.count - self.offset else { return false }
        var end = self.offset
        for byte in word.utf8 {
            guard text[end] == byte else { return false }
            end += 1
        }
        self.offset = end
        return true
    }

    /// Consumes a string.
    mutating func takeString(
        expected: JSONError.Expectation,
        in text: Span<UInt8>
    ) throws(JSONError) -> JSONString {
        guard self.peek(in: text) == UInt8(ascii: "\"") else {
            throw .malformed(offset: self.offset, expected: expected)
        }
        let string = try JSONString(at: self.offset, in: text)
        self.offset = string.range.upperBound + 1
        return string
    }

    /// Consumes a number.
    ///
    /// - Returns: its value; nil if it has a fraction, an exponent, or more digits than `Int` holds.
    mutating func takeNumber(
        expected: JSONError.Expectation,
        in text: Span<UInt8>
    ) throws(JSONError) -> Int? {
        let isNegative = self.take("-", in: text)
        let first = self.offset
        var value = try self.takeDigits(expected: expected, in: text)
        guard first + 1 == self.offset || text[first] != UInt8(ascii: "0") else {
            throw .malformed(offset: first, expected: expected)
        }
        if isNegative { value = value.map { -$0 } }
        if self.takeAdjacent(".", in: text) {
            value = nil
            _ = try self.takeDigits(expected: expected, in: text)
        }
        if self.takeAdjacent("e", in: text) || self.takeAdjacent("E", in: text) {
            value = nil
            if !self.takeAdjacent("+", in: text) { _ = self.takeAdjacent("-", in: text) }
            _ = try self.takeDigits(expected: expected, in: text)
        }
        return value
    }

    private mutating func takeAdjacent(_ mark: Unicode.Scalar, in text: Span<UInt8>) -> Bool {
        guard self.offset < text.count, text[self.offset] == UInt8(ascii: mark) else { return false }
        self.offset += 1
        return true
    }

    /// Consumes one or more digits.
    ///
    /// - Returns: their value; nil if it is greater than `Int.max`.
    private mutating func takeDigits(
        expected: JSONError.Expectation,
        in text: Span<UInt8>
    ) throws(JSONError) -> Int? {
        let first = self.offset
        var value: Int? = 0
        while self.offset < text.count, case let digit = text[self.offset] &- UInt8(ascii: "0"), digit < 10 {
            value = value.flatMap { value in
                let (tens, overflowsByTens) = value.multipliedReportingOverflow(by: 10)
                let (sum, overflows) = tens.addingReportingOverflow(Int(digit))
                return overflowsByTens || overflows ? nil : sum
            }
            self.offset += 1
        }
        guard self.offset > first else { throw .malformed(offset: first, expected: expected) }
        return value
    }

    /// Skips a string, a number or a literal.
    mutating func skipScalar(in text: Span<UInt8>) throws(JSONError) {
        switch self.peek(in: text) {
        case UInt8(ascii: "\""):
            _ = try self.takeString(expected: .value, in: text)
        case UInt8(ascii: "n"), UInt8(ascii: "t"), UInt8(ascii: "f"):
            guard
                self.take(word: "null", in: text) || self.take(word: "true", in: text)
                    || self.take(word: "false", in: text)
            else { throw .malformed(offset: self.offset, expected: .value) }
        default:
            _ = try self.takeNumber(expected: .value, in: text)
        }
    }
}
