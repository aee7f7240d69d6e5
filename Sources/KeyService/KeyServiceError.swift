// SPDX-License-Identifier: Apache-2.0

package import LockedMemory

/// Why an operation failed. The cases are what callers decide by. Each wire protocol has one table that maps them to
/// its statuses and texts, in both directions.
package enum KeyServiceError: Error, Equatable, Sendable, CaseIterable {
    /// No key has this name.
    case keyNotFound
    /// A key of this name exists.
    case keyExists
    /// The caller, or this agent at the key server, lacks permission.
    case notAllowed
    /// The ciphertext is damaged, or was encrypted with another key or other associated data.
    case decryptionFailed
    /// The backend has no such operation.
    case notSupported
    /// An imported key has the wrong length, or a cipher that the backend does not support.
    case unsupportedAlgorithm
    /// The key was created before the key server supported HMAC.
    case hmacNotSupported
    /// A limit on concurrent requests is reached. Retry within a second.
    case overloaded
    /// The process has no locked memory left at the moment. Says nothing about the key server.
    case outOfMemory
    /// No key server answers, or it reports that its key store does not.
    case unavailable
    /// The key server did not answer in time.
    case timedOut
    /// Key servers returned different plaintexts for this ciphertext, and no two of three answers agree.
    case contradicted
    /// A fault in the backend itself, such as a failing cipher or no randomness.
    case internalFailure
}

extension KeyServiceError {
    /// Locked memory becomes available again as requests end.
    package init(_ error: LockedMemoryError) {
        switch error {
        case .exhausted, .cannotLock: self = .outOfMemory
        }
    }
}
