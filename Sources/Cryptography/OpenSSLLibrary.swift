// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// The OpenSSL that the process runs with.
package enum OpenSSLLibrary {
    /// `OpenSSL 3.0.15 3 Sep 2024`
    package static var version: String { unsafe String(cString: OpenSSL_version(OPENSSL_VERSION)) }
}
