// SPDX-License-Identifier: Apache-2.0

package import LockedMemory

/// What can come of asking for a key. The cases are what a caller decides by; each wire protocol has one table that maps
/// them to its statuses and texts, both ways.
package enum KeyServiceError: Error, Equatable, Sendable, CaseIterable {
    /// There is no key of this name.
    case keyNotFound
    /// A key of this name is there already.
    case keyExists
    /// The caller, or this agent at the key server, may not do this.
    case notAllowed
    /// The ciphertext is damaged, or was sealed with another key or other associated data.
    case decryptionFailed
    /// The backend has no such operation.
    case notSupported
    /// An imported key is of the wrong length or for a cipher that the backend does not know.
    case unsupportedAlgorithm
    /// This key was made before keys could authenticate messages.
    case hmacNotSupported
    /// No room at present for one more request. Worth repeating within a second.
    case overloaded
    /// This process has no locked memory left at present. Says nothing about the key server.
    case outOfMemory
    /// The key server does not answer, or answers that its key store does not.
    case unavailable
    /// The key server did not answer in time.
    case timedOut
    /// Key servers returned different plaintexts for this ciphertext, and no two of three answers agree.
    case contradicted
    /// A fault of the backend's own: no randomness, a cipher that fails.
    case internalFailure
}

extension KeyServiceError {
    /// A lack of locked memory passes as requests end.
    package init(_ error: LockedMemoryError) {
        switch error {
        case .exhausted, .cannotLock: self = .outOfMemory
        }
    }
}
