// SPDX-License-Identifier: Apache-2.0

package import LockedMemory

/// What became of a ciphertext: its plaintext, and where that comes from.
package struct Decryption: ~Copyable, Sendable {
    package let plaintext: Secret
    package var origin: AnswerOrigin

    package init(_ plaintext: consuming Secret, origin: AnswerOrigin = .bypass) {
        self.plaintext = plaintext
        self.origin = origin
    }

    /// Ends the value and hands on its plaintext.
    package consuming func takePlaintext() -> Secret { self.plaintext }
}
