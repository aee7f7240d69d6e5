// SPDX-License-Identifier: Apache-2.0

/// What a path means: an endpoint, and where in the path the name stands, if the endpoint takes one.
package struct KESRoute: Equatable, Sendable {
    package let endpoint: KESEndpoint
    /// Empty at an endpoint that takes no name, and also where the name is left out. Not checked in any way.
    package let name: Range<Int>

    /// - Parameter decodedPath: the path without query, percent-escapes resolved.
    /// - Returns: nil if there is no such endpoint. `/v1/key/list` is the same as `/v1/key/list/`, which spares a client
    ///   the redirect that KES answers with.
    package init?(decodedPath: Span<UInt8>) {
        for row in Self.table where row.matches(decodedPath) {
            self.endpoint = row.endpoint
            self.name = min(row.path.count, decodedPath.count)..<decodedPath.count
            return
        }
        return nil
    }

    private struct Row {
        let endpoint: KESEndpoint
        let path: [UInt8]
        let isPrefix: Bool

        func matches(_ path: Span<UInt8>) -> Bool {
            guard path.count >= self.path.count || (self.isPrefix && path.count == self.path.count - 1),
                self.isPrefix || path.count == self.path.count
            else { return false }
            for index in 0..<min(path.count, self.path.count) where path[index] != self.path[index] { return false }
            return true
        }
    }

    private static let table = KESEndpoint.allCases.map { endpoint in
        Row(endpoint: endpoint, path: Array(endpoint.path.utf8), isPrefix: endpoint.takesName)
    }
}
