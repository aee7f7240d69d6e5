// SPDX-License-Identifier: Apache-2.0

import Primitives

/// The last request head of a connection, byte for byte, and its parsed form. Identical bytes give the same object,
/// without parsing. Object stores send identical heads for each part of an object.
package struct LastHead: Sendable {
    /// Longer heads are not kept.
    package static let byteCountMax = 1024

    private var bytes: [UInt8] = []
    private var head: RequestHead?

    /// The target of the last request. The next one may be equal.
    var target: [UInt8] { self.head?.target ?? [] }

    /// The head at `start` in `input` and its end, if it is identical to the last one.
    func find(in input: Span<UInt8>, at start: Int) -> (head: RequestHead, end: Int)? {
        guard let head = self.head, input.count - start >= self.bytes.count else { return nil }
        let end = start + self.bytes.count
        return input.extracting(start..<end).isEqual(to: self.bytes.span) ? (head, end) : nil
    }

    /// Keeps a parsed head.
    ///
    /// - Parameter bytes: all of it, including the empty line at its end.
    mutating func keep(_ head: RequestHead, of bytes: Span<UInt8>) {
        self.bytes = bytes.count > Self.byteCountMax ? [] : bytes.copy()
        self.head = self.bytes.isEmpty ? nil : head
    }
}
