// SPDX-License-Identifier: Apache-2.0

import Primitives

/// The head of a connection's last request, byte for byte, and what was read in it. The same bytes are the same head, and
/// the same object: a client that asks for the same thing again, as object stores do for each part of an object, is
/// understood at once.
package struct LastHead: Sendable {
    /// Longer ones are not kept.
    package static let byteCountMax = 1024

    private var bytes: [UInt8] = []
    private var head: RequestHead?

    /// The target of the last request: that of the next one may well be the same.
    var target: [UInt8] { self.head?.target ?? [] }

    /// The head that stands in `input` from `start` on, and where it ends, if it is the same as the last one.
    func find(in input: Span<UInt8>, at start: Int) -> (head: RequestHead, end: Int)? {
        guard let head = self.head, input.count - start >= self.bytes.count else { return nil }
        let end = start + self.bytes.count
        return input.extracting(start..<end).isEqual(to: self.bytes.span) ? (head, end) : nil
    }

    /// Keeps a head that was read.
    ///
    /// - Parameter bytes: all of it, with the empty line at its end.
    mutating func keep(_ head: RequestHead, of bytes: Span<UInt8>) {
        self.bytes = bytes.count > Self.byteCountMax ? [] : bytes.copy()
        self.head = self.bytes.isEmpty ? nil : head
    }
}
