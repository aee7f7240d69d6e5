// SPDX-License-Identifier: Apache-2.0

import KeyService
import LockedMemory

/// What a key server is asked to open.
struct Question: Sendable {
    let fingerprint: Fingerprint
    let name: KeyName
    let ciphertext: Ciphertext
    let associatedData: AssociatedData
}

/// What a caller who waits for an answer is told.
enum FlightEnd: Sendable {
    /// All who wait get the same secret, and copy it.
    case opened(SharedSecret, AnswerOrigin)
    case failed(KeyServiceError)
    /// He has given up himself.
    case gaveUp
}
