// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// The OpenSSL that the process runs with.
package enum OpenSSLLibrary {
    /// `OpenSSL 3.0.15 3 Sep 2024`
    package static var version: String { unsafe String(cString: OpenSSL_version(OPENSSL_VERSION)) }

    /// Why the last call on this thread failed: what was found first, of which all else in the thread's error queue
    /// follows. Leaves the queue empty.
    package static func takeReason() -> String {
        defer { ERR_clear_error() }
        guard let reason = unsafe ERR_reason_error_string(ERR_peek_error()) else { return "unknown" }
        return unsafe String(cString: reason)
    }
}
