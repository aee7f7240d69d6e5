// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// The OpenSSL that the process uses.
package enum OpenSSLLibrary {
    /// `OpenSSL 3.0.15 3 Sep 2024`
    package static var version: String { unsafe String(cString: OpenSSL_version(OPENSSL_VERSION)) }

    /// Why the last call on this thread failed: the first error in the thread's queue, which caused the others. Clears
    /// the queue.
    package static func takeReason() -> String {
        defer { ERR_clear_error() }
        guard let reason = unsafe ERR_reason_error_string(ERR_peek_error()) else { return "unknown" }
        return unsafe String(cString: reason)
    }
}
