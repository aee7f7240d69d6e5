// SPDX-License-Identifier: Apache-2.0

package import LockedMemory

/// A pull parser for JSON (RFC 8259, strict) in the caller's memory.
///
/// A cursor only: every call gets the same text again. It builds only the requested values, and decodes secrets
/// directly into locked memory.
///
///     var reader = JSONReader()
///     try reader.enterObject(in: text)
///     while let name = try reader.nextMember(in: text) {
///         switch name {
///         case "context": try reader.readBase64(into: &context, in: text)
///         default: try reader.skipValue(in: text)
///         }
///     }
///
/// As in the key servers, `null` equals absent, for a member and for the whole text, and text after the first value is
/// ignored. Stricter than they are: a known member may occur once, and text must be UTF-8.
///
/// Call the functions in the order of the text's grammar. Do not use a reader after an error.
package struct JSONReader: Sendable {
    /// Maximum number of open brackets.
    package static let depthMax = 512

    private var scanner = JSONScanner()
    private var depth = 0
    private var place = Place.afterItem

    /// The position of the cursor between the items of an object or array.
    private enum Place {
        /// After the opening bracket: no comma expected.
        case first
        case afterItem
        /// After a `null` that stands for an empty object or array.
        case absent
    }

    package init() {}

    // MARK: Objects and arrays

    /// Enters an object; `null` is an object without members.
    package mutating func enterObject(in text: Span<UInt8>) throws(JSONError) {
        try self.enter("{", expected: .object, in: text)
    }

    /// Moves to the next member's value.
    ///
    /// - Returns: the member's name, or nil at the end of the object, which is left.
    package mutating func nextMember(in text: Span<UInt8>) throws(JSONError) -> JSONName? {
        guard let name = try self.nextName(in: text) else { return nil }
        return JSONName(name, in: text)
    }

    /// Enters an array; `null` is an array without elements.
    package mutating func enterArray(in text: Span<UInt8>) throws(JSONError) {
        try self.enter("[", expected: .array, in: text)
    }

    /// Moves to the next element.
    ///
    /// - Returns: false at the end of the array, which is left.
    package mutating func nextElement(in text: Span<UInt8>) throws(JSONError) -> Bool {
        try self.advance(closing: "]", in: text)
    }

    private mutating func enter(
        _ bracket: Unicode.Scalar,
        expected: JSONError.Expectation,
        in text: Span<UInt8>
    ) throws(JSONError) {
        if self.scanner.take(word: "null", in: text) {
            self.place = .absent
            return
        }
        guard self.scanner.take(bracket, in: text) else { throw self.malformed(expected) }
        guard self.depth < Self.depthMax else { throw self.malformed(.fewerLevels) }
        self.depth += 1
        self.place = .first
    }

    private mutating func nextName(in text: Span<UInt8>) throws(JSONError) -> JSONString? {
        guard try self.advance(closing: "}", in: text) else { return nil }
        let name = try self.scanner.takeString(expected: .name, in: text)
        guard self.scanner.take(":", in: text) else { throw self.malformed(.colon) }
        return name
    }

    /// Consumes the comma before the next item.
    ///
    /// - Returns: false if the closing bracket was consumed instead.
    private mutating func advance(closing bracket: Unicode.Scalar, in text: Span<UInt8>) throws(JSONError) -> Bool {
        let place = self.place
        self.place = .afterItem
        if place == .absent { return false }
        if self.scanner.take(bracket, in: text) {
            self.depth -= 1
            return false
        }
        guard place == .first || self.scanner.take(",", in: text) else { throw self.malformed(.commaOrEnd) }
        return true
    }

    // MARK: Values

    /// Reads a string. `field` stays nil for `null`.
    package mutating func readString(into field: inout String?, in text: Span<UInt8>) throws(JSONError) {
        guard let string = try self.nextString(isRepeated: field != nil, in: text) else { return }
        field = String(decoding: string.unescapedBytes(in: text), as: UTF8.self)
    }

    /// Reads an array of strings. `null` elements are skipped. `field` becomes empty for `null`.
    package mutating func readStrings(into field: inout [String]?, in text: Span<UInt8>) throws(JSONError) {
        guard field == nil else { throw self.malformed(.once) }
        var strings: [String] = []
        try self.enterArray(in: text)
        while try self.nextElement(in: text) {
            var string: String?
            try self.readString(into: &string, in: text)
            if let string { strings.append(string) }
        }
        field = strings
    }

    /// Reads the bytes of a base64 string. `field` stays nil for `null`.
    package mutating func readBase64(into field: inout [UInt8]?, in text: Span<UInt8>) throws(JSONError) {
        guard let string = try self.nextString(isRepeated: field != nil, in: text) else { return }
        do {
            field =
                if string.hasEscapes {
                    try Base64.decode(string.unescapedBytes(in: text).span)
                } else {
                    try Base64.decode(text.extracting(string.range))
                }
        } catch {
            throw .malformed(offset: string.range.lowerBound, expected: .base64)
        }
    }

    /// Decodes a base64 string directly into locked memory. `field` stays nil for `null`.
    package mutating func readBase64(
        into field: inout Secret?,
        memory: SecretMemory,
        in text: Span<UInt8>
    ) throws(JSONError) {
        let isRepeated = field != nil
        guard let string = try self.nextString(isRepeated: isRepeated, in: text) else { return }
        do {
            if string.hasEscapes {
                let unescaped = try string.unescapedBytes(in: text, into: memory)
                field = try unescaped.withBytes { bytes in try Base64.decode(bytes, into: memory) }
            } else {
                field = try Base64.decode(text.extracting(string.range), into: memory)
            }
        } catch let error as LockedMemoryError {
            throw .memory(error)
        } catch {
            throw .malformed(offset: string.range.lowerBound, expected: .base64)
        }
    }

    /// Reads a number without fraction and exponent. `field` stays nil for `null`.
    package mutating func readInteger(into field: inout Int?, in text: Span<UInt8>) throws(JSONError) {
        guard field == nil else { throw self.malformed(.once) }
        if self.scanner.take(word: "null", in: text) { return }
        guard let number = try self.scanner.takeNumber(expected: .integer, in: text) else {
            throw self.malformed(.integer)
        }
        field = number
    }

    /// Reads `true` or `false`. `field` stays nil for `null`.
    package mutating func readBoolean(into field: inout Bool?, in text: Span<UInt8>) throws(JSONError) {
        guard field == nil else { throw self.malformed(.once) }
        if self.scanner.take(word: "null", in: text) { return }
        let isTrue = self.scanner.take(word: "true", in: text)
        guard isTrue || self.scanner.take(word: "false", in: text) else { throw self.malformed(.boolean) }
        field = isTrue
    }

    /// Copies a value of any kind verbatim. `field` stays nil for `null`.
    package mutating func readFragment(into field: inout JSONFragment?, in text: Span<UInt8>) throws(JSONError) {
        guard field == nil else { throw self.malformed(.once) }
        if self.scanner.take(word: "null", in: text) { return }
        _ = self.scanner.peek(in: text)
        let start = self.scanner.offset
        try self.skipValue(in: text)
        let end = self.scanner.offset
        field = JSONFragment(
            [UInt8](capacity: end - start) { output in
                for index in start..<end { output.append(text[index]) }
            }
        )
    }

    /// Whether only white space is left, for texts that must be exactly one value.
    package mutating func isAtEnd(in text: Span<UInt8>) -> Bool { self.scanner.peek(in: text) == nil }

    /// Parses a string; nil for `null`.
    private mutating func nextString(isRepeated: Bool, in text: Span<UInt8>) throws(JSONError) -> JSONString? {
        guard !isRepeated else { throw self.malformed(.once) }
        if self.scanner.take(word: "null", in: text) { return nil }
        return try self.scanner.takeString(expected: .string, in: text)
    }

    private func malformed(_ expected: JSONError.Expectation) -> JSONError {
        .malformed(offset: self.scanner.offset, expected: expected)
    }

    // MARK: Skipping

    /// Skips a string or `null`; other values are errors.
    package mutating func skipString(in text: Span<UInt8>) throws(JSONError) {
        _ = try self.nextString(isRepeated: false, in: text)
    }

    /// Skips and validates a value of any kind.
    package mutating func skipValue(in text: Span<UInt8>) throws(JSONError) {
        let outerDepth = self.depth
        var isObject = BitPerLevel()
        repeat {
            switch self.scanner.peek(in: text) {
            case UInt8(ascii: "{"):
                try self.enterObject(in: text)
                isObject[self.depth] = true
            case UInt8(ascii: "["):
                try self.enterArray(in: text)
                isObject[self.depth] = false
            default:
                try self.scanner.skipScalar(in: text)
            }
            // Moves to the next item, leaving all objects and arrays that end here.
            while self.depth > outerDepth {
                let isMore =
                    isObject[self.depth] ? try self.nextName(in: text) != nil : try self.nextElement(in: text)
                if isMore { break }
            }
        } while self.depth > outerDepth
    }

    /// A stack of booleans in fixed memory, so that skipping neither allocates nor recurses.
    private struct BitPerLevel {
        private var words = InlineArray<8, UInt64>(repeating: 0)

        subscript(level: Int) -> Bool {
            get { self.words[(level - 1) / 64] >> ((level - 1) % 64) & 1 == 1 }
            set {
                let bit: UInt64 = 1 << ((level - 1) % 64)
                if newValue { self.words[(level - 1) / 64] |= bit } else { self.words[(level - 1) / 64] &= ~bit }
            }
        }
    }
}
