// SPDX-License-Identifier: Apache-2.0

package import KeyService

/// What a path means: an endpoint, and where in the path the name stands, if the endpoint takes one.
package struct KESRoute: Equatable, Sendable {
    package let endpoint: Operation
    /// Empty at an endpoint that takes no name, and also where the name is left out. Not checked in any way.
    package let name: Range<Int>

    /// - Parameter decodedPath: the path without query, percent-escapes resolved.
    /// - Returns: nil if there is no such endpoint. `/v1/key/list` is the same as `/v1/key/list/`, which spares a client
    ///   the redirect that KES answers with.
    package init?(decodedPath: Span<UInt8>) {
        for row in Self.table where row.matches(decodedPath) {
            self.endpoint = row.endpoint
            self.name = min(row.path.count + 1, decodedPath.count)..<decodedPath.count
            return
        }
        return nil
    }

    /// Whether the slash before the name is left out. KES sends a client on to the path with it, and so judges by that one:
    /// `/v1/key/list` takes the right to `/v1/key/list/`.
    ///
    /// - Parameter decodedPath: the one that the route was found by.
    package func lacksSlash(in decodedPath: Span<UInt8>) -> Bool {
        self.endpoint.takesName && decodedPath.count < self.endpoint.path.utf8.count
    }

    private struct Row {
        let endpoint: Operation
        /// Without the slash before the name.
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
