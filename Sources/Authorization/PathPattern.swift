// SPDX-License-Identifier: Apache-2.0

/// What a rule says of paths, as KES reads it: a path, or the beginning of paths with a `*` behind it.
///
/// Only a `*` at the end is a wildcard. It stands for any bytes, `/` and none included, so that `*` alone is every path.
/// Anywhere else it is a character like others. The empty pattern is no path's.
package struct PathPattern: Hashable, Sendable, CustomStringConvertible {
    /// As it was written.
    package let description: String
    /// Without the wildcard.
    private let bytes: [UInt8]
    private let isPrefix: Bool

    package init(_ text: String) {
        self.description = text
        self.isPrefix = text.utf8.last == Self.star
        self.bytes = Array(self.isPrefix ? text.utf8.dropLast() : text.utf8[...])
    }

    /// Whether there is a `*` that does not do what whoever wrote it may think.
    package var hasIdleStar: Bool { self.bytes.contains(Self.star) }

    /// - Parameter path: decoded, as it is routed by. Allocates nothing.
    package func matches(_ path: Span<UInt8>) -> Bool {
        let count = self.bytes.count
        guard self.isPrefix ? path.count >= count : path.count == count && count > 0 else { return false }
        // From the end: the patterns of a policy differ less in their beginnings.
        var index = count
        while index > 0 {
            index -= 1
            guard self.bytes[index] == path[index] else { return false }
        }
        return true
    }

    private static let star = UInt8(ascii: "*")
}
