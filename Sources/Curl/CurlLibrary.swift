// SPDX-License-Identifier: Apache-2.0

import CCurl

/// The libcurl that the process runs with.
package enum CurlLibrary {
    /// With the libraries that it uses itself: `libcurl/7.88.1 OpenSSL/3.0.15 …`.
    package static var version: String { unsafe String(cString: curl_version()) }
}
