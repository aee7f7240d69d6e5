// SPDX-License-Identifier: Apache-2.0

import Glibc
import Primitives

/// Draws ranks by Zipf's law: the probability of rank *r*, from 1 on, is proportional to *r* to the power of minus the
/// exponent. With exponent 0, all ranks are equally probable.
///
/// Uses the alias method (Walker 1974; Vose 1991): each column of a table holds a part of its own rank's probability
/// and, above it, a part of another rank's. A draw picks a column and a height in it, in constant time.
struct ZipfSampler {
    private struct Column {
        /// The part of the column that belongs to its own rank, of 2³².
        var height: UInt64
        /// The rank that the rest belongs to.
        var other: UInt32
    }

    private let columns: [Column]

    private static let fullHeight = Double(UInt64(1) << 32)

    /// - Precondition: there are 1 to 2³² ranks; the exponent is at least 0.
    init(count: Int, exponent: Double) {
        precondition(count > 0 && exponent >= 0, "nothing to draw from")
        let shares = (0..<count).map { pow(Double($0 + 1), -exponent) }
        let scale = Double(count) / shares.reduce(0, +)
        var heights = shares.map { $0 * scale }
        var columns = (0..<count).map { Column(height: UInt64(Self.fullHeight), other: UInt32($0)) }

        var low = heights.indices.filter { heights[$0] < 1 }
        var high = heights.indices.filter { heights[$0] >= 1 }
        while let short = low.popLast(), let tall = high.last {
            columns[short] = Column(height: UInt64(heights[short] * Self.fullHeight), other: UInt32(tall))
            heights[tall] -= 1 - heights[short]
            if heights[tall] < 1 {
                high.removeLast()
                low.append(tall)
            }
        }
        self.columns = columns  // The remaining columns are full, except for rounding errors.
    }

    /// A rank, counted from 0.
    func draw(from numbers: inout SeededGenerator) -> Int {
        let index = Int(numbers.next().multipliedFullWidth(by: UInt64(self.columns.count)).high)
        let column = self.columns[index]
        return numbers.next() >> 32 < column.height ? index : Int(column.other)
    }
}
