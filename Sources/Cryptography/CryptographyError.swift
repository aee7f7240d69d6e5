// SPDX-License-Identifier: Apache-2.0

package import LockedMemory

/// Why a cryptographic operation failed.
package enum CryptographyError: Error, Equatable, Sendable {
    /// The tag does not match: the bytes are damaged, or were encrypted with another key, nonce or associated data.
    /// These cases cannot be distinguished.
    case notAuthentic
    /// There is no locked memory for the result.
    case memory(LockedMemoryError)
    /// An OpenSSL function failed unexpectedly: no randomness, no memory, or a build without the cipher.
    case openSSL(function: String, reason: String)
    /// OpenSSL has already allocated memory, so its allocator cannot be changed any more.
    case openSSLInUse

    /// The error that OpenSSL has just reported on this thread. Clears the thread's error queue.
    package static func reported(by function: StaticString) -> Self {
        .openSSL(function: "\(function)", reason: OpenSSLLibrary.takeReason())
    }
}

extension SecretMemory {
    /// A secret for a result, filled with zeros.
    func makeSecret(byteCount: Int) throws(CryptographyError) -> Secret {
        do {
            return try Secret(byteCount: byteCount, in: self)
        } catch {
            throw .memory(error)
        }
    }
}
