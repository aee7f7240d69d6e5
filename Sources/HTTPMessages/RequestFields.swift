// SPDX-License-Identifier: Apache-2.0

import Primitives

/// Collects the headers of one request, and rejects repeated, malformed and contradictory ones.
///
/// No two parsers may find different ends of the body (request smuggling, RFC 9112 §11.2). So what another
/// implementation could interpret differently is rejected, not interpreted.
struct RequestFields: Sendable {
    private(set) var framing = RequestHead.Framing.none
    private(set) var closes = false
    private(set) var requestID: [UInt8]?
    private var hasHost = false
    private var expectation = RequestHead.Expectation.none

    mutating func take(_ field: KnownField, _ value: Span<UInt8>) throws(RequestError) {
        switch field {
        case .host: try self.takeHost(value)
        case .contentLength: try self.takeContentLength(value)
        case .transferEncoding: try self.takeTransferEncoding(value)
        case .connection: self.takeConnection(value)
        case .expect: self.takeExpectation(value)
        case .requestID: self.takeRequestID(value)
        }
    }

    /// Checks that depend on all headers.
    func check(version: RequestHead.Version) throws(RequestError) {
        switch version {
        case .http11, .http2:
            guard self.hasHost else { throw .missingHost }
        case .http10:
            guard self.framing != .chunked else { throw .transferEncodingInHTTP10 }
        }
    }

    func expectation(in version: RequestHead.Version, _ framing: RequestHead.Framing) -> RequestHead.Expectation {
        switch (version, self.expectation, framing) {
        case (.http10, _, _), (_, .continue, .none), (_, .continue, .length(0)): .none
        case (.http11, let expectation, _), (.http2, let expectation, _): expectation
        }
    }

    private mutating func takeHost(_ value: Span<UInt8>) throws(RequestError) {
        guard !self.hasHost else { throw .repeatedHost }
        guard value.allSatisfy(\.isHostCharacter) else { throw .malformedHost }
        self.hasHost = true
    }

    private mutating func takeContentLength(_ value: Span<UInt8>) throws(RequestError) {
        switch self.framing {
        case .none: break
        case .length: throw .repeatedContentLength
        case .chunked: throw .contentLengthWithTransferEncoding
        }
        guard value.count > 0 else { throw .malformedContentLength }
        var length = 0
        for index in value.indices {
            guard let digit = value[index].decimalDigitValue else { throw .malformedContentLength }
            let (shifted, tooLarge) = length.multipliedReportingOverflow(by: 10)
            let (sum, stillTooLarge) = shifted.addingReportingOverflow(Int(digit))
            guard !tooLarge, !stillTooLarge else { throw .malformedContentLength }
            length = sum
        }
        self.framing = .length(length)
    }

    private mutating func takeTransferEncoding(_ value: Span<UInt8>) throws(RequestError) {
        switch self.framing {
        case .none: break
        case .length: throw .contentLengthWithTransferEncoding
        // `chunked` twice is a list of two codings.
        case .chunked: throw .unsupportedTransferEncoding
        }
        guard value.isEqual(toLowercased: "chunked") else { throw .unsupportedTransferEncoding }
        self.framing = .chunked
    }

    /// A list of options. Only `close` has an effect, because HTTP/1.1 connections are persistent by default.
    private mutating func takeConnection(_ value: Span<UInt8>) {
        var start = 0
        for index in 0...value.count where index == value.count || value[index] == UInt8(ascii: ",") {
            let option = value.extracting(value.strippingWhitespace(start..<index))
            if option.isEqual(toLowercased: "close") { self.closes = true }
            start = index + 1
        }
    }

    private mutating func takeExpectation(_ value: Span<UInt8>) {
        let isContinue = value.isEqual(toLowercased: "100-continue")
        switch self.expectation {
        case .none, .continue: self.expectation = isContinue ? .continue : .unknown
        case .unknown: break
        }
    }

    private mutating func takeRequestID(_ value: Span<UInt8>) {
        guard self.requestID == nil, (1...64).contains(value.count) else { return }
        let isHarmless = value.allSatisfy { byte in
            (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
        }
        if isHarmless { self.requestID = value.copy() }
    }
}
