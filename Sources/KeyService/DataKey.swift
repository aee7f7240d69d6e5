// SPDX-License-Identifier: Apache-2.0

package import LockedMemory

/// A new data key: 32 random bytes as plaintext and ciphertext.
package struct DataKey: ~Copyable, Sendable {
    /// Length of the plaintext in bytes.
    package static let byteCount = 32

    package let plaintext: Secret
    package let ciphertext: Ciphertext
    /// Where the answer came from.
    package var origin: AnswerOrigin
    /// The endpoint that generated it; nil for a backend without endpoints.
    package let endpoint: EndpointIndex?

    package init(
        plaintext: consuming Secret, ciphertext: Ciphertext, origin: AnswerOrigin = .bypass,
        endpoint: EndpointIndex? = nil
    ) {
        self.plaintext = plaintext
        self.ciphertext = ciphertext
        self.origin = origin
        self.endpoint = endpoint
    }

    /// Consumes the data key and returns its plaintext.
    package consuming func takePlaintext() -> Secret { self.plaintext }
}
