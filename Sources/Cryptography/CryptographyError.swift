// SPDX-License-Identifier: Apache-2.0

import COpenSSL
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
    static func reported(by function: StaticString) -> Self {
        let reason = unsafe ERR_reason_error_string(ERR_peek_last_error())
        ERR_clear_error()
        return unsafe .openSSL(function: "\(function)", reason: reason.map { unsafe String(cString: $0) } ?? "unknown")
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
