// SPDX-License-Identifier: Apache-2.0

extension InlineArray where Element == UInt8 {
    init(_ bytes: [UInt8]) {
        precondition(bytes.count == count)
        self.init { bytes[$0] }
    }
}
