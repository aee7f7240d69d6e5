// SPDX-License-Identifier: Apache-2.0

package import LockedMemory

/// Reads JSON (RFC 8259, strictly) from the caller's own memory: the answer to "what comes next", asked by the caller.
///
/// A cursor and no more: every call is handed the same text again. Nothing is built but the values asked for, and
/// secrets go from the text straight to locked memory.
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
/// As the key servers read it: `null` is the same as absent, for a member and for the whole text; what follows the
/// first value is not looked at. More strictly than they do: a known member stands once, and text is UTF-8.
///
/// In which order to call is the grammar of the text. After an error a reader is of no more use.
package struct JSONReader: Sendable {
    /// How many brackets may be open.
    package static let depthMax = 512

    private var scanner = JSONScanner()
    private var depth = 0
    private var place = Place.afterItem

    /// Where between the items of an object or array the cursor stands.
    private enum Place {
        /// Behind the opening bracket: no comma yet.
        case first
        case afterItem
        /// Behind a `null` that stands for an empty object or array.
        case absent
    }

    package init() {}

    // MARK: Objects and arrays

    /// Steps into the object that stands here; `null` is an object without members.
    package mutating func enterObject(in text: Span<UInt8>) throws(JSONError) {
        try self.enter("{", expected: .object, in: text)
    }

    /// Steps to the next member's value.
    ///
    /// - Returns: the member's name, or nil at the end of the object, which is left.
    package mutating func nextMember(in text: Span<UInt8>) throws(JSONError) -> JSONName? {
        guard let name = try self.nextName(in: text) else { return nil }
        return JSONName(name, in: text)
    }

    /// Steps into the array that stands here; `null` is an array without elements.
    package mutating func enterArray(in text: Span<UInt8>) throws(JSONError) {
        try self.enter("[", expected: .array, in: text)
    }

    /// Steps to the next element.
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

    /// Steps over the comma before the next item.
    ///
    /// - Returns: false when the bracket closes instead.
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

    /// Reads an array of strings; a `null` in it is passed over. `field` becomes empty for `null`.
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

    /// Reads the bytes of a base64 string into locked memory, by way of nothing else. `field` stays nil for `null`.
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

    /// Copies a value of any kind as it stands. `field` stays nil for `null`.
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

    /// Whether nothing but white space is left, for texts that must be one value and no more.
    package mutating func isAtEnd(in text: Span<UInt8>) -> Bool { self.scanner.peek(in: text) == nil }

    /// The string that stands here, nil for `null`.
    private mutating func nextString(isRepeated: Bool, in text: Span<UInt8>) throws(JSONError) -> JSONString? {
        guard !isRepeated else { throw self.malformed(.once) }
        if self.scanner.take(word: "null", in: text) { return nil }
        return try self.scanner.takeString(expected: .string, in: text)
    }

    private func malformed(_ expected: JSONError.Expectation) -> JSONError {
        .malformed(offset: self.scanner.offset, expected: expected)
    }

    // MARK: Skipping

    /// Passes over a string or `null` and refuses anything else.
    package mutating func skipString(in text: Span<UInt8>) throws(JSONError) {
        _ = try self.nextString(isRepeated: false, in: text)
    }

    /// Passes over the value that stands here, whatever it is and holds, and checks it.
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
            // On to the next item, out of everything that ends here.
            while self.depth > outerDepth {
                let isMore =
                    isObject[self.depth] ? try self.nextName(in: text) != nil : try self.nextElement(in: text)
                if isMore { break }
            }
        } while self.depth > outerDepth
    }

    /// A stack of truth values in place, so that skipping neither allocates nor recurs.
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
