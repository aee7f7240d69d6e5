// SPDX-License-Identifier: Apache-2.0

/// Writes JSON on one line, for data that is not secret.
///
///     let text = JSONWriter.object(escaping: .html) { json in
///         json.member("names", ["a", "b"])
///     }
package struct JSONWriter: Sendable {
    /// Characters of strings that are escaped as `\u….` although JSON does not require it.
    package enum Escaping: Sendable {
        /// None.
        case plain
        /// `<`, `>`, `&` and the line ends U+2028 and U+2029, as in Go's encoder and so in KES.
        case html
    }

    private let escaping: Escaping
    private var bytes: [UInt8] = []
    /// Whether an item precedes the cursor in the open object or array.
    private var needsComma = false

    /// The text of one value.
    package static func text(_ value: some JSONWritable, escaping: Escaping) -> [UInt8] {
        var writer = JSONWriter(escaping: escaping)
        value.write(to: &writer)
        return writer.bytes
    }

    /// The text of one object. `body` writes its members.
    package static func object(escaping: Escaping, _ body: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter(escaping: escaping)
        writer.object(body)
        return writer.bytes
    }

    private init(escaping: Escaping) { self.escaping = escaping }

    // MARK: Objects and arrays

    /// Writes an object. `body` writes its members.
    package mutating func object(_ body: (inout JSONWriter) -> Void) {
        self.enclose("{", "}", body)
    }

    /// Writes an array. `body` writes its elements.
    package mutating func array(_ body: (inout JSONWriter) -> Void) {
        self.enclose("[", "]", body)
    }

    /// Writes a member of the open object.
    package mutating func member(_ name: String, _ value: some JSONWritable) {
        self.member(name) { json in value.write(to: &json) }
    }

    /// A member with exactly one value, which `body` writes.
    package mutating func member(_ name: String, _ body: (inout JSONWriter) -> Void) {
        self.string(name)
        self.bytes.append(UInt8(ascii: ":"))
        self.needsComma = false
        body(&self)
    }

    private mutating func enclose(_ open: Unicode.Scalar, _ close: Unicode.Scalar, _ body: (inout JSONWriter) -> Void) {
        self.beginItem()
        self.bytes.append(UInt8(ascii: open))
        self.needsComma = false
        body(&self)
        self.bytes.append(UInt8(ascii: close))
        self.needsComma = true
    }

    // MARK: Values

    /// Appends encoded JSON: a number, a literal, a prepared value.
    package mutating func verbatim(_ json: some Sequence<UInt8>) {
        self.beginItem()
        self.bytes.append(contentsOf: json)
    }

    /// Writes a string, escaped.
    package mutating func string(_ text: String) {
        self.beginItem()
        self.bytes.append(UInt8(ascii: "\""))
        for scalar in text.unicodeScalars { self.append(scalar) }
        self.bytes.append(UInt8(ascii: "\""))
    }

    private mutating func beginItem() {
        if self.needsComma { self.bytes.append(UInt8(ascii: ",")) }
        self.needsComma = true
    }

    private mutating func append(_ scalar: Unicode.Scalar) {
        switch scalar {
        case "\"": self.bytes.append(contentsOf: #"\""#.utf8)
        case "\\": self.bytes.append(contentsOf: #"\\"#.utf8)
        case "\u{8}": self.bytes.append(contentsOf: #"\b"#.utf8)
        case "\u{C}": self.bytes.append(contentsOf: #"\f"#.utf8)
        case "\n": self.bytes.append(contentsOf: #"\n"#.utf8)
        case "\r": self.bytes.append(contentsOf: #"\r"#.utf8)
        case "\t": self.bytes.append(contentsOf: #"\t"#.utf8)
        case "\0"..<" ": self.appendCodePoint(scalar)
        default:
            if self.escaping == .html, "<>&\u{2028}\u{2029}".unicodeScalars.contains(scalar) {
                self.appendCodePoint(scalar)
            } else {
                self.bytes.append(contentsOf: scalar.utf8)
            }
        }
    }

    /// `\u` and four hexadecimal digits in lower case.
    private mutating func appendCodePoint(_ scalar: Unicode.Scalar) {
        let digits = String(scalar.value, radix: 16)
        self.bytes.append(contentsOf: #"\u"#.utf8)
        self.bytes.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: 4 - digits.utf8.count))
        self.bytes.append(contentsOf: digits.utf8)
    }
}
