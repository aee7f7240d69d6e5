// SPDX-License-Identifier: Apache-2.0

import KeyService
import LockedMemory

/// A ciphertext to decrypt, and its fingerprint.
struct Question: Sendable {
    let fingerprint: Fingerprint
    let name: KeyName
    let ciphertext: Ciphertext
    let associatedData: AssociatedData
}

/// The outcome of waiting for a flight.
enum FlightEnd: Sendable {
    /// All callers share the secret, and each copies it.
    case opened(SharedSecret, AnswerOrigin)
    case failed(KeyServiceError)
    /// The caller was cancelled.
    case gaveUp
}
