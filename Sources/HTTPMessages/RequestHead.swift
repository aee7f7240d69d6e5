// SPDX-License-Identifier: Apache-2.0

/// The parsed head of a request. Headers that are not evaluated were validated and discarded.
///
/// A class: ``RequestParser`` returns the same object for identical bytes, so callers can recognise a head by its
/// identity.
package final class RequestHead: Sendable {
    package let method: RequestMethod

    /// A path with its query, beginning with `/`; or `*` of an OPTIONS; or the authority of a CONNECT. An absolute URI
    /// is reduced to its path. Visible ASCII and bytes from 0x80 on, not decoded; ``RequestTarget`` decodes it.
    package let target: [UInt8]

    package let version: Version
    /// See ``Framing-swift.enum``.
    package let framing: Framing

    /// Whether another request may follow on the connection. If not, no byte after this request may be read.
    package let keepsAlive: Bool

    /// See ``Expectation-swift.enum``.
    package let expectation: Expectation

    /// The value of `X-Request-Id`, if it has 1 to 64 characters of visible ASCII without `"` and `\`, so that it can
    /// be sent back and logged unchanged.
    package let requestID: [UInt8]?

    /// The version of HTTP, as in the request line; `http2` for a stream.
    package enum Version: Sendable {
        case http10, http11, http2
    }

    /// How the end of the body is determined.
    package enum Framing: Equatable, Sendable {
        /// There is no body: neither `Content-Length` nor `Transfer-Encoding`, or a stream that ends with its head.
        case none
        /// The announced length. Not checked against a limit.
        case length(Int)
        /// The last chunk or, in HTTP/2, the end of the stream shows the end.
        case chunked

        /// Whether the length of the body is unknown before its end.
        package var isChunked: Bool {
            if case .chunked = self { true } else { false }
        }
    }

    /// The value of `Expect`. Ignored in HTTP/1.0.
    package enum Expectation: Sendable {
        case none
        /// `100-continue`, and a body follows.
        case `continue`
        /// Any other value; the answer is 417.
        case unknown
    }

    init(
        method: RequestMethod, target: [UInt8], version: Version, framing: Framing, keepsAlive: Bool,
        expectation: Expectation, requestID: [UInt8]?
    ) {
        self.method = method
        self.target = target
        self.version = version
        self.framing = framing
        self.keepsAlive = keepsAlive
        self.expectation = expectation
        self.requestID = requestID
    }
}

extension RequestHead: Equatable {
    /// Whether two heads have equal contents.
    package static func == (left: RequestHead, right: RequestHead) -> Bool {
        left.method == right.method && left.target == right.target && left.version == right.version
            && left.framing == right.framing && left.keepsAlive == right.keepsAlive
            && left.expectation == right.expectation && left.requestID == right.requestID
    }
}
