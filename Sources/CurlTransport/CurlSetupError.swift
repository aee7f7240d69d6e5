// SPDX-License-Identifier: Apache-2.0

/// Why libcurl cannot be used.
package enum CurlSetupError: Error, Equatable, Sendable {
    /// OpenSSL had allocated memory before it could be given locked memory.
    case openSSLInUse
    /// Other code has initialised libcurl already, or the initialisation failed.
    case libraryNotReady
    /// A system call failed with this `errno`.
    case system(call: String, code: Int32)
}
