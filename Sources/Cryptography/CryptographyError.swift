// SPDX-License-Identifier: Apache-2.0

package import LockedMemory

/// What can come of a cryptographic operation.
package enum CryptographyError: Error, Equatable, Sendable {
    /// The tag does not belong to these bytes: they are damaged, or were sealed with another key, nonce or associated
    /// data. Which of these it is cannot be told.
    case notAuthentic
    /// There is no locked memory for the result.
    case memory(LockedMemoryError)
    /// A function of OpenSSL failed that has no reason to: no randomness, no memory, a build without the cipher.
    case openSSL(function: String, reason: String)
    /// OpenSSL has allocated memory already, so that it can no longer be told where to.
    case openSSLInUse

    /// The failure that OpenSSL has just reported on this thread. Leaves the thread's error queue empty.
    package static func reported(by function: StaticString) -> Self {
        .openSSL(function: "\(function)", reason: OpenSSLLibrary.takeReason())
    }
}

extension SecretMemory {
    /// A secret to write a result to, all zero.
    func makeSecret(byteCount: Int) throws(CryptographyError) -> Secret {
        do {
            return try Secret(byteCount: byteCount, in: self)
        } catch {
            throw .memory(error)
        }
    }
}
