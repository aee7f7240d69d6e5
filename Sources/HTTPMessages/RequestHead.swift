// SPDX-License-Identifier: Apache-2.0

/// What a request's head says, as far as a server of keys cares. Every other header was checked and dropped.
///
/// An object, since ``RequestParser`` has the same one for the same bytes again: whoever has dealt with it knows it by
/// its identity.
package final class RequestHead: Sendable {
    package let method: RequestMethod

    /// A path with its query, beginning with `/`; or `*` of an OPTIONS; or the authority of a CONNECT. An absolute
    /// URI is reduced to its path. Visible ASCII and bytes from 0x80 on, not decoded: ``RequestTarget`` does that.
    package let target: [UInt8]

    package let version: Version
    package let framing: Framing

    /// Whether another request may follow on the connection. If not, no byte after this request is to be read.
    package let keepsAlive: Bool

    package let expectation: Expectation

    /// The value of `X-Request-Id`, if that is 1 to 64 characters of visible ASCII without `"` and `\`, so that it can
    /// be sent back and logged as it is.
    package let requestID: [UInt8]?

    package enum Version: Sendable {
        case http10, http11, http2
    }

    /// How the end of the body is found.
    package enum Framing: Equatable, Sendable {
        /// Neither `Content-Length` nor `Transfer-Encoding`, or a stream that ends with its head: there is no body.
        case none
        /// As announced. Nobody has looked at whether so much is welcome.
        case length(Int)
        /// The end is told when it has come: by the last chunk, or by the end of the stream in HTTP/2.
        case chunked

        package var isChunked: Bool {
            if case .chunked = self { true } else { false }
        }
    }

    /// What `Expect` asks for. HTTP/1.0 cannot expect anything.
    package enum Expectation: Sendable {
        case none
        /// `100-continue`, and there is a body to wait for.
        case `continue`
        /// To be answered with 417.
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
    /// Whether two heads say the same.
    package static func == (left: RequestHead, right: RequestHead) -> Bool {
        left.method == right.method && left.target == right.target && left.version == right.version
            && left.framing == right.framing && left.keepsAlive == right.keepsAlive
            && left.expectation == right.expectation && left.requestID == right.requestID
    }
}
