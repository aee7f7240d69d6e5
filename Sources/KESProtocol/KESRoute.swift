// SPDX-License-Identifier: Apache-2.0

package import KeyService

/// The meaning of a path: its endpoint, and the position of the name, if the endpoint takes one.
package struct KESRoute: Equatable, Sendable {
    package let endpoint: Operation
    /// Empty if the endpoint takes no name, and also if the name is missing. Not validated.
    package let name: Range<Int>

    /// - Parameter decodedPath: the path without the query, percent-decoded.
    /// - Returns: nil if there is no such endpoint. `/v1/key/list` is treated as `/v1/key/list/`, which saves the
    ///   client KES's redirect.
    package init?(decodedPath: Span<UInt8>) {
        for row in Self.table where row.matches(decodedPath) {
            self.endpoint = row.endpoint
            self.name = min(row.path.count + 1, decodedPath.count)..<decodedPath.count
            return
        }
        return nil
    }

    /// Whether the slash before the name is missing. KES redirects to the path with the slash and applies policies to
    /// that path: `/v1/key/list` needs permission for `/v1/key/list/`.
    ///
    /// - Parameter decodedPath: the path that the route was found by.
    package func lacksSlash(in decodedPath: Span<UInt8>) -> Bool {
        self.endpoint.takesName && decodedPath.count < self.endpoint.path.utf8.count
    }

    private struct Row {
        let endpoint: Operation
        /// The path without the slash before the name.
        let path: [UInt8]

        init(_ endpoint: Operation) {
            self.endpoint = endpoint
            self.path = Array(endpoint.path.utf8.dropLast(endpoint.takesName ? 1 : 0))
        }

        func matches(_ path: Span<UInt8>) -> Bool {
            guard path.count >= self.path.count else { return false }
            for index in self.path.indices where path[index] != self.path[index] { return false }
            return path.count == self.path.count
                || (self.endpoint.takesName && path[self.path.count] == UInt8(ascii: "/"))
        }
    }

    private static let table = Operation.allCases.map(Row.init)
}
