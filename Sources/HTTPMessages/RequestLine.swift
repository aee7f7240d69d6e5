// SPDX-License-Identifier: Apache-2.0

import Primitives

/// Parses `method SP target SP version CRLF`, RFC 9112 §3, token by token.
struct RequestLine: Sendable {
    private enum Phase {
        case method, target, version
    }

    private var phase = Phase.method
    private(set) var method = RequestMethod.get
    private(set) var target: [UInt8]
    private(set) var version = RequestHead.Version.http11

    /// - Parameter target: a probable value of the target, which is then not copied.
    init(expecting target: [UInt8] = []) { self.target = target }

    var hasBegun: Bool { self.phase != .method }

    /// True if the line is complete and consumed, false if bytes are missing.
    mutating func read(_ input: Span<UInt8>, _ scanner: inout TokenScanner) throws(RequestError) -> Bool {
        if self.phase == .method {
            guard try self.readMethod(input, &scanner) else { return false }
            self.phase = .target
        }
        if self.phase == .target {
            guard try self.readTarget(input, &scanner) else { return false }
            self.phase = .version
        }
        guard try self.readVersion(input, &scanner) else { return false }
        // Not checked before the version, so that HTTP/2's preface, `PRI * HTTP/2.0`, fails with a message about the
        // version.
        if self.target.first != .slash || self.method == .connect {
            self.target = try Self.reduce(self.target.span, of: self.method)
        }
        return true
    }

    private mutating func readMethod(_ input: Span<UInt8>, _ scanner: inout TokenScanner) throws(RequestError) -> Bool {
        let start = scanner.start
        let stop = scanner.scan(input, while: \.isTokenCharacter)
        guard scanner.scanned <= RequestMethod.byteCountMax else { throw .malformedMethod }
        guard let stop else { return false }
        if stop == start, input[stop] == .carriageReturn || input[stop] == .lineFeed { throw .blankLine }
        guard stop > start, input[stop] == .space else { throw .malformedMethod }
        self.method = RequestMethod(input.extracting(start..<stop))
        scanner.consume(to: stop + 1)
        return true
    }

    private mutating func readTarget(_ input: Span<UInt8>, _ scanner: inout TokenScanner) throws(RequestError) -> Bool {
        let start = scanner.start
        guard let stop = scanner.scan(input, byWords: { $0.visibleByteCount(from: 0x21) }, while: \.isTargetCharacter)
        else { return false }
        guard stop > start else { throw .malformedTarget }
        guard input[stop] == .space else { throw Self.refusal(ofTargetEndingIn: input[stop]) }
        let target = input.extracting(start..<stop)
        if !target.isEqual(to: self.target.span) { self.target = target.copy() }
        scanner.consume(to: stop + 1)
        return true
    }

    private static func refusal(ofTargetEndingIn byte: UInt8) -> RequestError {
        switch byte {
        case .carriageReturn: .malformedVersion  // a line of HTTP/0.9 has none
        case .lineFeed: .bareLineFeed
        default: .malformedTarget
        }
    }

    private mutating func readVersion(_ input: Span<UInt8>, _ scanner: inout TokenScanner) throws(RequestError) -> Bool
    {
        let start = scanner.start
        let stop = scanner.scan(input, while: \.isTargetCharacter)
        guard scanner.scanned <= "HTTP/1.1".utf8.count else { throw .malformedVersion }
        guard let stop else { return false }
        guard try scanner.endsLine(input, at: stop, otherwise: .malformedVersion) else { return false }
        self.version = try Self.version(input.extracting(start..<stop))
        scanner.consume(to: stop + 2)
        return true
    }

    private static func version(_ text: Span<UInt8>) throws(RequestError) -> RequestHead.Version {
        if text.isEqual(to: "HTTP/1.1") { return .http11 }
        if text.isEqual(to: "HTTP/1.0") { return .http10 }
        guard text.count == 8, text.extracting(first: 5).isEqual(to: "HTTP/"),
            text[5].decimalDigitValue != nil, text[6] == UInt8(ascii: "."), text[7].decimalDigitValue != nil
        else { throw .malformedVersion }
        throw .unsupportedVersion
    }

    /// The relevant part of a target that is not simply a path: RFC 9112 §3.2.2 to §3.2.4.
    private static func reduce(_ target: Span<UInt8>, of method: RequestMethod) throws(RequestError) -> [UInt8] {
        if method == .connect {
            guard target.allSatisfy(\.isHostCharacter) else { throw .malformedTarget }
            return target.copy()
        }
        if target.isEqual(to: "*"), method == .options { return target.copy() }

        let schemes: [StaticString] = ["http://", "https://"]
        let scheme = schemes.first { target.extracting(first: $0.utf8CodeUnitCount).isEqual(toLowercased: $0) }
        guard let scheme else { throw .malformedTarget }
        let authority = scheme.utf8CodeUnitCount
        var end = authority
        while end < target.count, target[end].isHostCharacter { end += 1 }
        guard end > authority else { throw .malformedTarget }
        let path = target.extracting(end...).copy()
        return switch path.first {
        case .slash?: path
        case UInt8(ascii: "?")?, UInt8(ascii: "#")?, nil: [.slash] + path
        default: throw .malformedTarget
        }
    }
}
