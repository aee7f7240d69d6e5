// SPDX-License-Identifier: Apache-2.0

import CBuildInfo
import Cryptography
import CurlTransport

/// Version and libraries of this program.
package enum BuildInfo {
    /// Semantic version of the program.
    package static let version = "0.1.0"

    /// See `keyside_build_commit`.
    package static let commit = unsafe String(cString: keyside_build_commit())

    /// Libraries linked at run time, by name and version.
    package static var libraries: [(name: String, version: String)] {
        [("libcurl", CurlLibrary.version), ("libcrypto", OpenSSLLibrary.version)]
    }
}
