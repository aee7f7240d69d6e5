// SPDX-License-Identifier: Apache-2.0

import Primitives

/// The headers that the parser evaluates. They are looked up by length first; no two have the same length.
enum KnownField: Sendable {
    case host, contentLength, transferEncoding, connection, expect, requestID

    init?(_ name: Span<UInt8>) {
        switch name.count {
        case 4 where name.isEqual(toLowercased: "host"): self = .host
        case 6 where name.isEqual(toLowercased: "expect"): self = .expect
        case 10 where name.isEqual(toLowercased: "connection"): self = .connection
        case 12 where name.isEqual(toLowercased: "x-request-id"): self = .requestID
        case 14 where name.isEqual(toLowercased: "content-length"): self = .contentLength
        case 17 where name.isEqual(toLowercased: "transfer-encoding"): self = .transferEncoding
        default: return nil
        }
    }
}

/// Parses the lines `name: value CRLF` of headers or trailers, up to the empty line, RFC 9112 §5.
struct FieldLine: Sendable {
    private enum Phase {
        case name
        case value(KnownField?)
    }

    enum Event {
        case needMoreData
        /// A field, with the range of its value in the input, without surrounding white space.
        case field(KnownField?, value: Range<Int>)
        case endOfSection
    }

    private var phase = Phase.name

    mutating func next(_ input: Span<UInt8>, _ scanner: inout TokenScanner) throws(RequestError) -> Event {
        switch self.phase {
        case .name: try self.readName(input, &scanner)
        case .value(let field): try self.readValue(of: field, input, &scanner)
        }
    }

    private mutating func readName(_ input: Span<UInt8>, _ scanner: inout TokenScanner) throws(RequestError) -> Event {
        let start = scanner.start
        guard let stop = scanner.scan(input, byWords: { $0.letterOrDashCount }, while: \.isTokenCharacter)
        else { return .needMoreData }
        guard stop > start else { return try self.readEmptyLine(input, &scanner) }
        guard input[stop] == UInt8(ascii: ":") else {
            throw input[stop] == .lineFeed ? .bareLineFeed : .malformedFieldName
        }
        let field = KnownField(input.extracting(start..<stop))
        scanner.consume(to: stop + 1)
        self.phase = .value(field)
        return try self.readValue(of: field, input, &scanner)
    }

    private func readEmptyLine(_ input: Span<UInt8>, _ scanner: inout TokenScanner) throws(RequestError) -> Event {
        let start = scanner.start
        if input[start].isOptionalWhitespace { throw .foldedField }
        guard try scanner.endsLine(input, at: start, otherwise: .malformedFieldName) else {
            return .needMoreData
        }
        scanner.consume(to: start + 2)
        return .endOfSection
    }

    private mutating func readValue(
        of field: KnownField?,
        _ input: Span<UInt8>,
        _ scanner: inout TokenScanner
    ) throws(RequestError) -> Event {
        let start = scanner.start
        guard
            let stop = scanner.scan(
                input, byWords: { $0.visibleByteCount(from: 0x20) }, while: \.isFieldValueCharacter),
            try scanner.endsLine(input, at: stop, otherwise: .malformedFieldValue)
        else { return .needMoreData }
        scanner.consume(to: stop + 2)
        self.phase = .name
        return .field(field, value: input.strippingWhitespace(start..<stop))
    }
}
