// SPDX-License-Identifier: Apache-2.0

import Glibc
import Primitives

/// Draws one of many ranks, as objects of a store are asked for: by Zipf's law the rank *r*, from 1 on, has a share in
/// proportion to *r* to the power of minus the exponent. The exponent 0 gives all the same share.
///
/// By the alias method (Walker 1974; Vose 1991): the shares are cut so that each column of a table has a part of the rank
/// it belongs to and, above it, one of another. A draw is a column and a height in it, however many there are.
struct ZipfSampler {
    private struct Column {
        /// How much of the column belongs to its own rank, of 2³².
        var height: UInt64
        /// Whose the rest is.
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
        self.columns = columns  // What is left over is full but for rounding.
    }

    /// A rank, counted from 0.
    func draw(from numbers: inout SeededGenerator) -> Int {
        let index = Int(numbers.next().multipliedFullWidth(by: UInt64(self.columns.count)).high)
        let column = self.columns[index]
        return numbers.next() >> 32 < column.height ? index : Int(column.other)
    }
}
