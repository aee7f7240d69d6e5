// SPDX-License-Identifier: Apache-2.0

/// A JSON value, read strictly (RFC 8259): the tests' own reader.
package enum JSONValue: Sendable, Equatable {
    case object([String: JSONValue])
    case array([JSONValue])
    case string(String)
    case number(Double)
    case bool(Bool)
    case null
    /// What a subscript finds where there is nothing.
    case missing

    /// - Throws: `.malformed` for what is not one JSON value, with or without white space around it.
    package init(_ bytes: [UInt8]) throws(TestFailure) {
        var reader = JSONTextReader(bytes: bytes)
        self = try reader.readDocument()
    }

    package init(_ text: String) throws(TestFailure) { try self.init([UInt8](text.utf8)) }

    package subscript(name: String) -> JSONValue {
        if case .object(let members) = self { members[name] ?? .missing } else { .missing }
    }

    package subscript(index: Int) -> JSONValue {
        if case .array(let elements) = self, elements.indices.contains(index) { elements[index] } else { .missing }
    }

    package var string: String? { if case .string(let text) = self { text } else { nil } }
    package var integer: Int? { if case .number(let number) = self { Int(exactly: number) } else { nil } }
    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    package var elements: [JSONValue] { if case .array(let elements) = self { elements } else { [] } }
    /// Sorted.
    package var names: [String] { if case .object(let members) = self { members.keys.sorted() } else { [] } }
}

private struct JSONTextReader {
    let bytes: [UInt8]
    var position = 0

    mutating func readDocument() throws(TestFailure) -> JSONValue {
        let value = try self.readValue()
        self.skipSpace()
        guard self.position == self.bytes.count else { throw self.malformed("something behind the value") }
        return value
    }

    private mutating func readValue() throws(TestFailure) -> JSONValue {
        self.skipSpace()
        switch self.peek {
        case UInt8(ascii: "{"): return .object(try self.readMembers())
        case UInt8(ascii: "["): return .array(try self.readElements())
        case UInt8(ascii: "\""): return .string(try self.readString())
        case _: return try self.readWord()
        }
    }

    private mutating func readMembers() throws(TestFailure) -> [String: JSONValue] {
        var members: [String: JSONValue] = [:]
        try self.readList(to: "}") { reader throws(TestFailure) in
            reader.skipSpace()
            let name = try reader.readString()
            try reader.expect(":")
            guard members.updateValue(try reader.readValue(), forKey: name) == nil else {
                throw reader.malformed("'\(name)' stands twice")
            }
        }
        return members
    }

    private mutating func readElements() throws(TestFailure) -> [JSONValue] {
        var elements: [JSONValue] = []
        try self.readList(to: "]") { reader throws(TestFailure) in elements.append(try reader.readValue()) }
        return elements
    }

    private mutating func readList(
        to end: Unicode.Scalar, _ readOne: (inout Self) throws(TestFailure) -> Void
    ) throws(TestFailure) {
        self.position += 1
        self.skipSpace()
        if self.peek == UInt8(ascii: end) {
            self.position += 1
            return
        }
        while true {
            try readOne(&self)
            self.skipSpace()
            guard self.peek == UInt8(ascii: ",") else { return try self.expect(end) }
            self.position += 1
        }
    }

    private mutating func readString() throws(TestFailure) -> String {
        guard self.peek == UInt8(ascii: "\"") else { throw self.malformed("no string") }
        self.position += 1
        var text: [UInt16] = []
        var run = self.position
        while let byte = self.peek, byte >= 0x20 {
            guard byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else {
                self.position += 1
                continue
            }
            guard let part = String(validating: self.bytes[run..<self.position], as: UTF8.self) else {
                throw self.malformed("invalid UTF-8")
            }
            text += part.utf16
            self.position += 1
            if byte == UInt8(ascii: "\"") {
                guard let whole = String(validating: text, as: UTF16.self) else {
                    throw self.malformed("lone surrogate")
                }
                return whole
            }
            text.append(try self.readEscape())
            run = self.position
        }
        throw self.malformed("control character in a string, or no end")
    }

    private mutating func readEscape() throws(TestFailure) -> UInt16 {
        let plain: [UInt8: UInt16] = [
            UInt8(ascii: "\""): 0x22, UInt8(ascii: "\\"): 0x5c, UInt8(ascii: "/"): 0x2f, UInt8(ascii: "b"): 8,
            UInt8(ascii: "f"): 12, UInt8(ascii: "n"): 10, UInt8(ascii: "r"): 13, UInt8(ascii: "t"): 9,
        ]
        guard let byte = self.peek else { throw self.malformed("no end") }
        self.position += 1
        if let unit = plain[byte] { return unit }
        let digits = self.bytes[self.position...].prefix(4)
        guard byte == UInt8(ascii: "u"), digits.count == 4,
            let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw self.malformed("unknown escape") }
        self.position += 4
        return unit
    }

    private mutating func readWord() throws(TestFailure) -> JSONValue {
        let start = self.position
        while let byte = self.peek, !" \t\r\n,:]}".utf8.contains(byte) { self.position += 1 }
        let word = String(decoding: self.bytes[start..<self.position], as: UTF8.self)
        switch word {
        case "true": return .bool(true)
        case "false": return .bool(false)
        case "null": return .null
        case _:
            guard word.wholeMatch(of: /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/) != nil,
                let number = Double(word)
            else { throw self.malformed("'\(word)'") }
            return .number(number)
        }
    }

    private var peek: UInt8? { self.position < self.bytes.count ? self.bytes[self.position] : nil }

    private mutating func expect(_ character: Unicode.Scalar) throws(TestFailure) {
        self.skipSpace()
        guard self.peek == UInt8(ascii: character) else { throw self.malformed("no '\(character)'") }
        self.position += 1
    }

    private mutating func skipSpace() {
        while let byte = self.peek, " \t\r\n".utf8.contains(byte) { self.position += 1 }
    }

    private func malformed(_ what: String) -> TestFailure {
        .malformed("JSON, at byte \(self.position): \(what)")
    }
}
