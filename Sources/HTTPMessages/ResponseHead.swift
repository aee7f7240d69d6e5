// SPDX-License-Identifier: Apache-2.0

import Primitives

/// The status line and headers of an answer, written directly to the memory that they are sent from.
package struct ResponseHead: Sendable {
    /// The complete interim answer to `Expect: 100-continue`.
    package static let `continue`: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"

    /// A header. Names are sent as given over HTTP/1.1, and in lower case over HTTP/2.
    package struct Field: Equatable, Sendable {
        let name: String
        let value: [UInt8]

        /// - Precondition: `name` is a token, and `value` has no control characters. Validate a value that comes from a
        ///   client, because it could otherwise add headers of its own.
        package init(_ name: String, _ value: [UInt8]) {
            precondition(!name.isEmpty && name.utf8.allSatisfy(\.isTokenCharacter), "not a header's name")
            precondition(value.span.allSatisfy(\.isFieldValueCharacter), "a header's value with a control character")
            self.name = name
            self.value = value
        }

        /// As ``init(_:_:)`` with bytes.
        package init(_ name: String, _ value: String) { self.init(name, [UInt8](value.utf8)) }
    }

    /// A field from a small set of constants, which needs no allocation.
    package struct ConstantField: Sendable {
        let name: StaticString
        /// The name in HTTP/2.
        let lowercasedName: StaticString
        let value: StaticString

        package init(_ name: StaticString, lowercased: StaticString, _ value: StaticString) {
            self.name = name
            self.lowercasedName = lowercased
            self.value = value
        }
    }

    package var status: ResponseStatus
    /// The value of `Content-Type`; nil: no such header.
    package var contentType: String?
    /// Bytes of the body that follows or, for HEAD, of the body that GET would return.
    package var contentLength: Int
    /// Other headers, in order.
    package var fields: [Field]
    /// The value of `Age`: seconds since a key server confirmed the body.
    package var age: Int?
    /// One more header, if any.
    package var constantField: ConstantField?
    /// The value of `X-Request-Id`: ``RequestHead/requestID``, or generated.
    package var requestID: RequestID?

    package init(
        _ status: ResponseStatus,
        contentType: String? = nil,
        contentLength: Int,
        fields: [Field] = [],
        age: Int? = nil,
        constantField: ConstantField? = nil,
        requestID: RequestID? = nil
    ) {
        self.status = status
        self.contentType = contentType
        self.contentLength = contentLength
        self.fields = fields
        self.age = age
        self.constantField = constantField
        self.requestID = requestID
    }

    /// The end of a head: the fields that differ between otherwise equal answers.
    package struct End: Sendable {
        /// See ``ResponseHead/age``.
        let age: Int?
        let requestID: RequestID?
        /// Tells the client that the connection is closed after this answer.
        let closes: Bool

        package init(age: Int?, requestID: RequestID?, closes: Bool) {
            self.age = age
            self.requestID = requestID
            self.closes = closes
        }
    }

    /// The end of this head.
    package func end(closes: Bool) -> End { End(age: self.age, requestID: self.requestID, closes: closes) }

    /// Upper bound of the length of the head in either form, if it does not close; at most 40 bytes too high.
    package var byteCountMax: Int { self.openingByteCountMax + self.end(closes: false).byteCountMax }

    private var openingByteCountMax: Int {
        var count = self.status.line.utf8CodeUnitCount
        if let contentType { count += "Content-Type: \r\n".utf8.count + contentType.utf8.count }
        count += "Content-Length: \r\n".utf8.count + OutputRawSpan.decimalDigitCountMax
        count += "Date: \r\n".utf8.count + HTTPDate.byteCount
        for field in self.fields { count += field.name.utf8.count + field.value.count + ": \r\n".utf8.count }
        if let field = self.constantField {
            count += field.name.utf8CodeUnitCount + field.value.utf8CodeUnitCount + ": \r\n".utf8.count
        }
        return count
    }

    /// The head without its ``End``.
    package func opening(date: HTTPDate) -> [UInt8] {
        [UInt8](rawRoom: self.openingByteCountMax) { self.writeOpening(date: date, into: &$0) }
    }

    private func writeOpening(date: HTTPDate, into output: inout OutputRawSpan) {
        output.append(ascii: self.status.line)
        if let contentType {
            output.append(ascii: "Content-Type: ")
            output.append(contentType)
            output.endLine()
        }
        output.append(ascii: "Content-Length: ")
        output.append(decimal: self.contentLength)
        output.endLine()
        output.append(ascii: "Date: ")
        output.append(date.bytes.span)
        output.endLine()
        for field in self.fields {
            output.append(field.name)
            output.append(ascii: ": ")
            output.append(field.value.span)
            output.endLine()
        }
        if let field = self.constantField {
            output.append(ascii: field.name)
            output.append(ascii: ": ")
            output.append(ascii: field.value)
            output.endLine()
        }
    }
}

extension ResponseHead.End {
    /// Upper bound of the bytes that ``write(into:)`` appends.
    package var byteCountMax: Int {
        var count = "\r\n".utf8.count
        if self.age != nil { count += "Age: \r\n".utf8.count + OutputRawSpan.decimalDigitCountMax }
        if let requestID = self.requestID { count += "X-Request-Id: \r\n".utf8.count + requestID.byteCountMax }
        if self.closes { count += "Connection: close\r\n".utf8.count }
        return count
    }

    /// Appends the end of a head, including the empty line.
    ///
    /// - Precondition: `output` has room for ``byteCountMax`` bytes.
    package func write(into output: inout OutputRawSpan) {
        if let age {
            output.append(ascii: "Age: ")
            output.append(decimal: age)
            output.endLine()
        }
        if let requestID = self.requestID {
            output.append(ascii: "X-Request-Id: ")
            output.append(requestID)
            output.endLine()
        }
        if self.closes { output.append(ascii: "Connection: close\r\n") }
        output.endLine()
    }
}

extension OutputRawSpan {
    fileprivate mutating func endLine() {
        self.append(ascii: "\r\n")
    }
}
