// SPDX-License-Identifier: Apache-2.0

import Primitives

/// The parser's position in the input: the consumed bytes, the bytes scanned beyond them, and the limit of the section.
///
/// A token is consumed when the byte after it has arrived. Until then its bytes stay with the caller and are passed
/// again, followed by more. They are not scanned again, so a head in a thousand segments costs no more than in one.
/// Bytes beyond the budget are not scanned, so whether and why a request is rejected depends only on its bytes, not on
/// their division into segments.
struct TokenScanner: Sendable {
    /// The start of the token. Bytes before it are consumed.
    var start = 0
    /// Bytes of the token that are valid.
    private(set) var scanned = 0
    /// Bytes that the section may still have, counted from `start`.
    private var budget: Int

    init(byteCountMax: Int) { self.budget = byteCountMax }

    /// Starts a section with its own limit; no limit if the grammar bounds it.
    mutating func beginSection(byteCountMax: Int = .max) { self.budget = byteCountMax }

    /// The index of the first byte that is not in the token's class; nil if there is none yet.
    ///
    /// - Parameter memberCount: how many of eight bytes are in the class, from the lowest on. Skips eight bytes at
    ///   once; may return too few.
    @inline(__always)
    mutating func scan(
        _ input: Span<UInt8>, byWords memberCount: (UInt64) -> Int = { _ in 0 }, while isMember: (UInt8) -> Bool
    ) -> Int? {
        let end = self.end(of: input)
        var index = self.start + self.scanned
        while end - index >= 8 {
            let count = memberCount(input.word(at: index))
            index += count
            if count < 8 { break }
        }
        while index < end, isMember(input[index]) { index += 1 }
        self.scanned = index - self.start
        return index < end ? index : nil
    }

    /// Whether a line ends at `index`: true if it does, false if the deciding byte has not arrived.
    ///
    /// - Throws: `otherwise` if there is neither CR nor LF, otherwise the error in the line end.
    @inline(__always)
    func endsLine(_ input: Span<UInt8>, at index: Int, otherwise: RequestError) throws(RequestError) -> Bool {
        guard input[index] == .carriageReturn else {
            throw input[index] == .lineFeed ? .bareLineFeed : otherwise
        }
        guard index + 1 < self.end(of: input) else { return false }
        guard input[index + 1] == .lineFeed else { throw .bareCarriageReturn }
        return true
    }

    /// Whether the token can never be completed, because all bytes that the section may have have arrived.
    func isExhausted(by input: Span<UInt8>) -> Bool { input.count - self.start >= self.budget }

    @inline(__always)
    mutating func consume(to index: Int) {
        self.budget -= index - self.start
        self.start = index
        self.scanned = 0
    }

    /// Consumes arrived bytes of a body, at most `remaining`; nil if there are none.
    mutating func takeBody(_ input: Span<UInt8>, of remaining: Int) -> Range<Int>? {
        let part = self.start..<self.start + min(remaining, input.count - self.start)
        self.start = part.upperBound
        return part.isEmpty ? nil : part
    }

    @inline(__always)
    private func end(of input: Span<UInt8>) -> Int { self.start + min(input.count - self.start, self.budget) }
}
