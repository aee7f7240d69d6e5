// SPDX-License-Identifier: Apache-2.0

/// An answer as a strict client reads it.
package struct Answer: Equatable {
    package let status: Int
    /// In the order of the wire.
    package let fields: [Field]
    package let body: [UInt8]

    package struct Field: Equatable {
        package let name: String
        package let value: String
    }

    package var text: String { String(decoding: self.body, as: UTF8.self) }

    package var closes: Bool { self["Connection"] == "close" }

    /// The value of a field that is there once; nil if it is not.
    package subscript(name: String) -> String? {
        let values = self.fields.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
        precondition(values.count <= 1, "\(name) is there \(values.count) times")
        return values.first
    }

    /// Without what is new in every answer, for comparing two.
    package var withoutTimeAndID: Answer {
        Answer(
            status: self.status, fields: self.fields.filter { !["Date", "X-Request-Id"].contains($0.name) },
            body: self.body)
    }

    private init(status: Int, fields: [Field], body: [UInt8]) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    /// Nil if it is not complete.
    package init?(takingFrom bytes: inout [UInt8], toHead: Bool) throws {
        guard let headEnd = bytes.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound else { return nil }
        let head = String(decoding: bytes[..<headEnd], as: UTF8.self)
        var lines = head.split(separator: "\r\n", omittingEmptySubsequences: true)
        let statusLine = lines.removeFirst().split(separator: " ", maxSplits: 2)
        guard statusLine.count == 3, statusLine[0] == "HTTP/1.1", let status = Int(statusLine[1]) else {
            throw RawClient.Failure.notAnAnswer(head)
        }
        let fields = try lines.map { line in
            let parts = line.split(separator: ": ", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { throw RawClient.Failure.notAnAnswer(head) }
            return Field(name: String(parts[0]), value: String(parts[1]))
        }
        let lengths = fields.filter { $0.name == "Content-Length" }.map(\.value)
        guard lengths.count == (status < 200 ? 0 : 1) else { throw RawClient.Failure.notAnAnswer(head) }
        let bodyByteCount = toHead ? 0 : lengths.first.flatMap { Int($0) } ?? 0
        guard bytes.count >= headEnd + bodyByteCount else { return nil }
        self.init(status: status, fields: fields, body: Array(bytes[headEnd..<headEnd + bodyByteCount]))
        bytes.removeFirst(headEnd + bodyByteCount)
    }
}
