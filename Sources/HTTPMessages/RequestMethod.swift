// SPDX-License-Identifier: Apache-2.0

import Primitives

/// The method of a request. Case-sensitive: `get` is an ``other(_:)``.
package enum RequestMethod: Equatable, Sendable {
    case get, head, post, put, delete, options, connect
    /// A token of at most ``byteCountMax`` bytes.
    case other([UInt8])

    /// Detects other protocols early; registered methods have up to 17 bytes.
    package static let byteCountMax = 32

    init(_ name: Span<UInt8>) {
        self =
            if name.isEqual(to: "POST") {
                .post
            } else if name.isEqual(to: "GET") {
                .get
            } else if name.isEqual(to: "PUT") {
                .put
            } else if name.isEqual(to: "DELETE") {
                .delete
            } else if name.isEqual(to: "HEAD") {
                .head
            } else if name.isEqual(to: "OPTIONS") {
                .options
            } else if name.isEqual(to: "CONNECT") {
                .connect
            } else {
                .other(name.copy())
            }
    }

    /// Whether answers have no body.
    package var isHead: Bool {
        if case .head = self { true } else { false }
    }

    /// As in the request line.
    package var name: String {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .options: "OPTIONS"
        case .connect: "CONNECT"
        case .other(let name): String(decoding: name, as: UTF8.self)
        }
    }
}
