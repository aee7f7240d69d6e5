// SPDX-License-Identifier: Apache-2.0

/// A pattern of paths, with KES's syntax: a path, or a prefix followed by `*`.
///
/// Only a `*` at the end is a wildcard. It matches any bytes, `/` included, and also none; `*` alone matches every
/// path. Elsewhere, `*` matches itself. The empty pattern matches no path.
package struct PathPattern: Hashable, Sendable, CustomStringConvertible {
    /// As configured.
    package let description: String
    /// The pattern without its wildcard.
    private let bytes: [UInt8]
    private let isPrefix: Bool

    /// Every text is a valid pattern.
    package init(_ text: String) {
        self.description = text
        self.isPrefix = text.utf8.last == Self.star
        self.bytes = Array(self.isPrefix ? text.utf8.dropLast() : text.utf8[...])
    }

    /// Whether the pattern has a `*` that is not a wildcard, which its author may not expect.
    package var hasIdleStar: Bool { self.bytes.contains(Self.star) }

    /// - Parameter path: decoded. Allocates nothing.
    package func matches(_ path: Span<UInt8>) -> Bool {
        let count = self.bytes.count
        guard self.isPrefix ? path.count >= count : path.count == count && count > 0 else { return false }
        // Backwards, because the patterns of a policy differ mostly at their ends.
        var index = count
        while index > 0 {
            index -= 1
            guard self.bytes[index] == path[index] else { return false }
        }
        return true
    }

    private static let star = UInt8(ascii: "*")
}
