// SPDX-License-Identifier: Apache-2.0

/// Parses a body in the chunked coding, RFC 9112 §7.1. Extensions and trailers are validated and discarded.
struct ChunkedBody: Sendable {
    /// Maximum bytes of the extensions of one chunk, including its line end.
    static let chunkExtensionsByteCountMax = 4 << 10
    /// Maximum bytes of the extensions of all chunks of a body.
    static let extensionsByteCountMax = 16 << 10
    static let trailersByteCountMax = 16 << 10
    /// Maximum digits of a size. Leading zeros count, so that no parser with shorter integers sees another size.
    static let sizeDigitCountMax = 16

    private enum Phase {
        case size
        case extensions(ofChunk: Int)
        case data(remaining: Int)
        case dataEnd
        case trailers
    }

    private var phase = Phase.size
    private var extensionsBudget = Self.extensionsByteCountMax
    private var trailer = FieldLine()

    mutating func next(
        _ input: Span<UInt8>,
        _ scanner: inout TokenScanner
    ) throws(RequestError) -> RequestParser.Step {
        while true {
            switch self.phase {
            case .size:
                guard try self.readSize(input, &scanner) else { return .needMoreData }
            case .extensions(let size):
                guard try self.readExtensions(ofChunk: size, input, &scanner) else { return .needMoreData }
            case .data(let remaining):
                guard let part = scanner.takeBody(input, of: remaining) else { return .needMoreData }
                self.phase = part.count < remaining ? .data(remaining: remaining - part.count) : .dataEnd
                return .body(part)
            case .dataEnd:
                guard try self.readDataEnd(input, &scanner) else { return .needMoreData }
            case .trailers:
                switch try self.trailer.next(input, &scanner) {
                case .needMoreData:
                    guard !scanner.isExhausted(by: input) else { throw .trailersTooLarge }
                    return .needMoreData
                case .field: break
                case .endOfSection: return .end
                }
            }
        }
    }

    private mutating func readSize(
        _ input: Span<UInt8>,
        _ scanner: inout TokenScanner
    ) throws(RequestError) -> Bool {
        let start = scanner.start
        let stop = scanner.scan(input) { $0.hexDigitValue != nil }
        guard scanner.scanned <= Self.sizeDigitCountMax else { throw .malformedChunkSize }
        guard let stop else { return false }
        guard stop > start else { throw .malformedChunkSize }
        let size = try Self.size(input.extracting(start..<stop))
        if input[stop] == UInt8(ascii: ";") {
            scanner.consume(to: stop + 1)
            scanner.beginSection(byteCountMax: min(Self.chunkExtensionsByteCountMax, self.extensionsBudget))
            self.phase = .extensions(ofChunk: size)
            return true
        }
        guard try scanner.endsLine(input, at: stop, otherwise: .malformedChunkSize) else { return false }
        scanner.consume(to: stop + 2)
        self.begin(chunk: size, &scanner)
        return true
    }

    private static func size(_ digits: Span<UInt8>) throws(RequestError) -> Int {
        var size: UInt64 = 0
        for index in digits.indices { size = size << 4 | UInt64(digits[index].hexDigitValue ?? 0) }
        guard let size = Int(exactly: size) else { throw .malformedChunkSize }
        return size
    }

    private mutating func readExtensions(
        ofChunk size: Int,
        _ input: Span<UInt8>,
        _ scanner: inout TokenScanner
    ) throws(RequestError) -> Bool {
        let start = scanner.start
        guard let stop = scanner.scan(input, while: \.isFieldValueCharacter),
            try scanner.endsLine(input, at: stop, otherwise: .malformedChunkSize)
        else {
            guard !scanner.isExhausted(by: input) else { throw .chunkExtensionsTooLong }
            return false
        }
        scanner.consume(to: stop + 2)
        self.extensionsBudget -= scanner.start - start
        self.begin(chunk: size, &scanner)
        return true
    }

    private mutating func begin(chunk size: Int, _ scanner: inout TokenScanner) {
        if size > 0 {
            scanner.beginSection()
            self.phase = .data(remaining: size)
        } else {
            scanner.beginSection(byteCountMax: Self.trailersByteCountMax)
            self.phase = .trailers
        }
    }

    private mutating func readDataEnd(
        _ input: Span<UInt8>,
        _ scanner: inout TokenScanner
    ) throws(RequestError) -> Bool {
        guard scanner.start < input.count,
            try scanner.endsLine(input, at: scanner.start, otherwise: .unterminatedChunk)
        else { return false }
        scanner.consume(to: scanner.start + 2)
        self.phase = .size
        return true
    }
}
