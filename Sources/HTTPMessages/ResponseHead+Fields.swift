// SPDX-License-Identifier: Apache-2.0

import Primitives

/// The lengths of the name and value of a field, which are stored one after the other.
package struct FieldExtent: Equatable, Sendable {
    /// Length of the name.
    package let nameByteCount: Int
    /// Length of the value, which follows the name.
    package let valueByteCount: Int
    /// Whether other answers probably have the same value.
    package let repeats: Bool

    package init(nameByteCount: Int, valueByteCount: Int, repeats: Bool = true) {
        self.nameByteCount = nameByteCount
        self.valueByteCount = valueByteCount
        self.repeats = repeats
    }
}

extension ResponseHead {
    /// Appends the head in the form of HTTP/2, RFC 9113 §8.3.2: names in lower case and values, without separators,
    /// `:status` first. `End/closes` is ignored.
    ///
    /// - Parameters:
    ///   - output: has room for ``byteCountMax`` bytes.
    ///   - extents: receives the lengths of each field.
    package func writeFields(date: HTTPDate, into output: inout OutputRawSpan, extents: inout [FieldExtent]) {
        output.appendField(":status", to: &extents) { $0.append(decimal: self.status.rawValue) }
        if let contentType { output.appendField("content-type", to: &extents) { $0.append(contentType) } }
        output.appendField("content-length", to: &extents) { $0.append(decimal: self.contentLength) }
        output.appendField("date", to: &extents) { $0.append(date.bytes.span) }
        for field in self.fields {
            let start = output.byteCount
            for byte in field.name.utf8 { output.append(byte.lowercased) }
            let nameEnd = output.byteCount
            output.append(field.value.span)
            extents.append(.init(nameByteCount: nameEnd - start, valueByteCount: output.byteCount - nameEnd))
        }
        if let field = self.constantField {
            output.appendField(field.lowercasedName, to: &extents) { $0.append(ascii: field.value) }
        }
        if let age { output.appendField("age", to: &extents) { $0.append(decimal: age) } }
        if let requestID = self.requestID {
            output.appendField("x-request-id", repeats: false, to: &extents) { $0.append(requestID) }
        }
    }
}

extension OutputRawSpan {
    /// Appends a field, as ``ResponseHead/writeFields(date:into:extents:)`` does.
    package mutating func appendField(
        _ name: StaticString, repeats: Bool = true, to extents: inout [FieldExtent],
        value: (inout OutputRawSpan) -> Void
    ) {
        self.append(ascii: name)
        let nameEnd = self.byteCount
        value(&self)
        extents.append(
            .init(
                nameByteCount: name.utf8CodeUnitCount, valueByteCount: self.byteCount - nameEnd, repeats: repeats))
    }
}

extension UInt8 {
    fileprivate var lowercased: UInt8 { self &- UInt8(ascii: "A") < 26 ? self | 0x20 : self }
}
