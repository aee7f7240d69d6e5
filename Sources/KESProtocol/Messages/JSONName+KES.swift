// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// The members of frequent bodies. Constants, because a literal would be built at each use.
extension JSONName {
    static let ciphertext: Self = "ciphertext"
    static let context: Self = "context"
    static let plaintext: Self = "plaintext"
    static let version: Self = "version"
}
