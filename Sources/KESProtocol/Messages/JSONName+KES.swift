// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// The members of the bodies that come with every object. A constant is made once, a literal wherever it stands.
extension JSONName {
    static let ciphertext: Self = "ciphertext"
    static let context: Self = "context"
    static let plaintext: Self = "plaintext"
    static let version: Self = "version"
}
