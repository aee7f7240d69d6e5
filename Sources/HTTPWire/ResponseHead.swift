// SPDX-License-Identifier: Apache-2.0

/// The status line and headers of an answer, written straight to where it is sent from.
package struct ResponseHead: Sendable {
    /// The interim answer to `Expect: 100-continue`, whole.
    package static let `continue`: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"

    package struct Field: Equatable, Sendable {
        let name: String
        let value: [UInt8]

        /// - Precondition: `name` is a token, `value` has no control characters: a value that came from a client must
        ///   have been checked, or it would write headers of its own.
        package init(_ name: String, _ value: [UInt8]) {
            precondition(!name.isEmpty && name.utf8Span.span.allSatisfy(\.isTokenCharacter), "not a header's name")
            precondition(value.span.allSatisfy(\.isFieldValueCharacter), "a header's value with a control character")
            self.name = name
            self.value = value
        }

        package init(_ name: String, _ value: String) { self.init(name, [UInt8](value.utf8)) }
    }

    package var status: ResponseStatus
    package var contentType: String?
    /// Bytes of the body that follows; of an answer to HEAD, of the body that a GET would have had.
    package var contentLength: Int
    /// Tells the client that the connection is closed after this answer.
    package var closes: Bool
    package var fields: [Field]
    /// The value of `X-Request-Id`: as ``RequestHead/requestID``, or of the server's own making.
    package var requestID: [UInt8]?

    package init(
        _ status: ResponseStatus,
        contentType: String? = nil,
        contentLength: Int,
        closes: Bool = false,
        fields: [Field] = []
    ) {
        self.status = status
        self.contentType = contentType
        self.contentLength = contentLength
        self.closes = closes
        self.fields = fields
    }

    /// Bytes that ``write(date:into:)`` writes at most; never more than 20 too many.
    package var byteCountMax: Int {
        var count = self.status.line.utf8.count
        if let contentType { count += "Content-Type: \r\n".utf8.count + contentType.utf8.count }
        count += "Content-Length: \r\n".utf8.count + Self.decimalDigitCountMax
        count += "Date: \r\n".utf8.count + HTTPDate.byteCount
        for field in self.fields { count += field.name.utf8.count + field.value.count + ": \r\n".utf8.count }
        if let requestID = self.requestID { count += Self.requestIDName.utf8.count + requestID.count + 2 }
        if self.closes { count += Self.closeLine.utf8.count }
        return count + "\r\n".utf8.count
    }

    /// Appends the head with the empty line at its end.
    ///
    /// - Precondition: `output` has room for ``byteCountMax`` bytes.
    package func write(date: HTTPDate, into output: inout OutputRawSpan) {
        output.append(self.status.line)
        if let contentType {
            output.append("Content-Type: ")
            output.append(contentType)
            output.append("\r\n")
        }
        output.append("Content-Length: ")
        output.append(decimal: self.contentLength)
        output.append("\r\nDate: ")
        output.append(date.description)
        output.append("\r\n")
        for field in self.fields {
            output.append(field.name)
            output.append(": ")
            for byte in field.value { output.append(byte) }
            output.append("\r\n")
        }
        if let requestID = self.requestID {
            output.append(Self.requestIDName)
            for byte in requestID { output.append(byte) }
            output.append("\r\n")
        }
        if self.closes { output.append(Self.closeLine) }
        output.append("\r\n")
    }

    private static let requestIDName = "X-Request-Id: "
    private static let closeLine = "Connection: close\r\n"
    private static let decimalDigitCountMax = 19
}

extension OutputRawSpan {
    fileprivate mutating func append(_ text: String) {
        let bytes = text.utf8Span.span
        for index in bytes.indices { self.append(bytes[index]) }
    }

    fileprivate mutating func append(decimal number: Int) {
        var power = 1
        while number / power >= 10 { power *= 10 }
        while power > 0 {
            self.append(UInt8(ascii: "0") + UInt8(number / power % 10))
            power /= 10
        }
    }
}
