// SPDX-License-Identifier: Apache-2.0

/// A value that ``JSONWriter`` can write.
package protocol JSONWritable {
    func write(to json: inout JSONWriter)
}

extension String: JSONWritable {
    package func write(to json: inout JSONWriter) { json.string(self) }
}

extension Int: JSONWritable {
    package func write(to json: inout JSONWriter) { json.verbatim(self.description.utf8) }
}

extension Double: JSONWritable {
    /// The shortest decimal that reads back equal. Infinities and NaN are `null`, because JSON has neither.
    package func write(to json: inout JSONWriter) {
        json.verbatim(self.isFinite ? self.description.utf8 : "null".utf8)
    }
}

extension Bool: JSONWritable {
    package func write(to json: inout JSONWriter) { json.verbatim(self ? "true".utf8 : "false".utf8) }
}

/// Nil is `null`.
extension Optional: JSONWritable where Wrapped: JSONWritable {
    package func write(to json: inout JSONWriter) {
        switch self {
        case .some(let value): value.write(to: &json)
        case .none: json.verbatim("null".utf8)
        }
    }
}

extension Array: JSONWritable where Element: JSONWritable {
    package func write(to json: inout JSONWriter) {
        json.array { json in
            for element in self { element.write(to: &json) }
        }
    }
}

/// A value that is already encoded as JSON.
package struct JSONFragment: JSONWritable, Equatable, Sendable {
    /// The encoded value.
    package let bytes: [UInt8]

    /// - Parameter bytes: exactly one value, written verbatim.
    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package func write(to json: inout JSONWriter) { json.verbatim(self.bytes) }
}
