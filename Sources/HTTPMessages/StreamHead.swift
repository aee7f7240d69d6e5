// SPDX-License-Identifier: Apache-2.0

import Primitives

/// Builds the head of a request from the fields of an HTTP/2 stream, RFC 9113 §8.3.
///
/// nghttp2 has already checked the rules of HTTP/2: order, number and case of names, characters of values, and the
/// absence of connection-specific fields. This type checks the rules common to both versions, so that both reject the
/// same requests.
package struct StreamHead: Sendable {
    /// Maximum size of names and values, with ``fieldOverhead`` for each field, as SETTINGS_MAX_HEADER_LIST_SIZE counts
    /// them. The same limit as for heads of HTTP/1.1.
    package static let byteCountMax = RequestParser.headByteCountMax
    /// Bytes that HPACK's size of a field adds to name and value, RFC 7541 §4.1.
    package static let fieldOverhead = 32

    private var method: RequestMethod?
    private var target: [UInt8] = []
    private var authority: [UInt8] = []
    private var fields = RequestFields()
    private var budget = Self.byteCountMax
    /// The first error in the fields. Reported when all fields have arrived.
    private var fault: RequestError?

    package init() {}

    /// Bytes of fields that are stored until ``head(hasBody:)``.
    package var heldByteCount: Int { self.target.count + self.authority.count }

    /// Adds the next field.
    ///
    /// - Parameter room: how much ``heldByteCount`` may grow.
    /// - Returns: how much it has grown.
    @discardableResult
    package mutating func take(_ name: Span<UInt8>, _ value: Span<UInt8>, upTo room: Int = .max) -> Int {
        guard self.fault == nil else { return 0 }
        let before = self.heldByteCount
        self.read(name, value)
        if self.heldByteCount - before > room { self.fault = .headTooLarge }
        if self.fault != nil { (self.target, self.authority) = ([], []) }
        return self.heldByteCount - before
    }

    private mutating func read(_ name: Span<UInt8>, _ value: Span<UInt8>) {
        self.budget -= name.count + value.count + Self.fieldOverhead
        do throws(RequestError) {
            guard self.budget >= 0 else { throw .headTooLarge }
            if name.count > 0, name[0] == UInt8(ascii: ":") {
                try self.takePseudo(name, value)
            } else if let field = KnownField(name) {
                try self.take(field, value)
            }
        } catch {
            self.fault = error
        }
    }

    private mutating func takePseudo(_ name: Span<UInt8>, _ value: Span<UInt8>) throws(RequestError) {
        if name.isEqual(to: ":path") {
            guard value.count > 0, value.allSatisfy(\.isTargetCharacter) else { throw .malformedTarget }
            self.target = value.copy()
        } else if name.isEqual(to: ":method") {
            guard (1...RequestMethod.byteCountMax).contains(value.count), value.allSatisfy(\.isTokenCharacter) else {
                throw .malformedMethod
            }
            self.method = RequestMethod(value)
        } else if name.isEqual(to: ":authority") {
            try self.fields.take(.host, value)
            self.authority = value.copy()
        }
    }

    private mutating func take(_ field: KnownField, _ value: Span<UInt8>) throws(RequestError) {
        switch field {
        case .connection, .transferEncoding: throw .unsupportedTransferEncoding
        case .host, .contentLength, .expect, .requestID: try self.fields.take(field, value)
        }
    }

    /// Builds the head after the last field.
    ///
    /// - Parameter hasBody: whether the stream continues. If not, the empty body counts as announced.
    package func head(hasBody: Bool) throws(RequestError) -> RequestHead {
        if let fault = self.fault { throw fault }
        guard let method = self.method else { throw .malformedMethod }
        try self.fields.check(version: .http2)
        let framing: RequestHead.Framing =
            switch self.fields.framing {
            case .length(let length): .length(length)
            case .none, .chunked: hasBody ? .chunked : .none
            }
        return RequestHead(
            method: method,
            target: try self.target(of: method),
            version: .http2,
            framing: framing,
            keepsAlive: true,
            expectation: self.fields.expectation(in: .http2, framing),
            requestID: self.fields.requestID
        )
    }

    private func target(of method: RequestMethod) throws(RequestError) -> [UInt8] {
        if method == .connect { return self.authority }
        let isPath = self.target.first == .slash
        guard isPath || method == .options && self.target.span.isEqual(to: "*") else { throw .malformedTarget }
        return self.target
    }
}
