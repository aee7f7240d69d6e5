// SPDX-License-Identifier: Apache-2.0

/// Why libcurl cannot be had.
package enum CurlSetupError: Error, Equatable, Sendable {
    /// OpenSSL had allocated before it could be given locked memory.
    case openSSLInUse
    /// libcurl was initialised by somebody else, or could not be.
    case libraryNotReady
    /// A system call failed with this `errno`.
    case system(call: String, code: Int32)
}
