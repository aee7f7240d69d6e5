// SPDX-License-Identifier: Apache-2.0

package import LockedMemory

/// The plaintext of a ciphertext, and its source.
package struct Decryption: ~Copyable, Sendable {
    package let plaintext: Secret
    /// Where the answer came from.
    package var origin: AnswerOrigin
    /// The endpoint that decrypted it; nil for a backend without endpoints.
    package let endpoint: EndpointIndex?

    package init(
        _ plaintext: consuming Secret, origin: AnswerOrigin = .bypass, endpoint: EndpointIndex? = nil
    ) {
        self.plaintext = plaintext
        self.origin = origin
        self.endpoint = endpoint
    }

    /// Consumes the value and returns its plaintext.
    package consuming func takePlaintext() -> Secret { self.plaintext }
}
