// SPDX-License-Identifier: Apache-2.0

package import Primitives

extension SeededGenerator {
    package mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: self.next()) }
    }
}
