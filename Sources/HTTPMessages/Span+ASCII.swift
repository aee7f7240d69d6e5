// SPDX-License-Identifier: Apache-2.0

import Primitives

extension Span<UInt8> {
    /// `range` without surrounding optional white space.
    func strippingWhitespace(_ range: Range<Int>) -> Range<Int> {
        var start = range.lowerBound
        var end = range.upperBound
        while start < end, self[start].isOptionalWhitespace { start += 1 }
        while start < end, self[end - 1].isOptionalWhitespace { end -= 1 }
        return start..<end
    }

    func allSatisfy(_ isMember: (UInt8) -> Bool) -> Bool {
        for index in self.indices where !isMember(self[index]) { return false }
        return true
    }

    func copy() -> [UInt8] {
        [UInt8](room: self.count) { output in output.append(self) }
    }
}
