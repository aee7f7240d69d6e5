// SPDX-License-Identifier: Apache-2.0

import Primitives

/// Where the parser stands in the input: what it has consumed, how far it has looked beyond, and how far it may.
///
/// A token is consumed when the byte after it is there. Until then its bytes stay with the caller and are offered again
/// with more behind them; they are not looked at again, so that a head in a thousand segments costs no more than in
/// one. No byte past the budget is looked at either: whether a request is refused, and why, depends on its bytes alone
/// and not on how they were cut into segments.
struct TokenScanner: Sendable {
    /// Where the token begins; what stands before it is consumed.
    var start = 0
    /// Bytes of the token that are known to be good.
    private(set) var scanned = 0
    /// Bytes that the section may still have, counted from `start`.
    private var budget: Int

    init(byteCountMax: Int) { self.budget = byteCountMax }

    /// From here on another bound holds; none where the grammar itself is one.
    mutating func beginSection(byteCountMax: Int = .max) { self.budget = byteCountMax }

    /// The place of the first byte that is no member of the token's class; nil while there is none.
    ///
    /// - Parameter memberCount: how many of eight bytes are members, from the lowest on, as a quick way past most of them;
    ///   may say too few.
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

    /// Whether a line ends at `index`: true if it does, false while the byte that decides is missing.
    ///
    /// - Throws: `otherwise` when neither CR nor LF stands there, else what is wrong with the line's end.
    @inline(__always)
    func endsLine(_ input: Span<UInt8>, at index: Int, otherwise: RequestError) throws(RequestError) -> Bool {
        guard input[index] == .carriageReturn else {
            throw input[index] == .lineFeed ? .bareLineFeed : otherwise
        }
        guard index + 1 < self.end(of: input) else { return false }
        guard input[index + 1] == .lineFeed else { throw .bareCarriageReturn }
        return true
    }

    /// Whether the token can never be completed, the bytes that have arrived being all that the section may have.
    func isExhausted(by input: Span<UInt8>) -> Bool { input.count - self.start >= self.budget }

    @inline(__always)
    mutating func consume(to index: Int) {
        self.budget -= index - self.start
        self.start = index
        self.scanned = 0
    }

    /// Consumes what has arrived of a body, at most `remaining` bytes; nil if nothing has.
    mutating func takeBody(_ input: Span<UInt8>, of remaining: Int) -> Range<Int>? {
        let part = self.start..<self.start + min(remaining, input.count - self.start)
        self.start = part.upperBound
        return part.isEmpty ? nil : part
    }

    @inline(__always)
    private func end(of input: Span<UInt8>) -> Int { self.start + min(input.count - self.start, self.budget) }
}
