// SPDX-License-Identifier: Apache-2.0

/// Why there is no answer from the other side.
package enum CurlError: Error, Equatable, Sendable {
    /// Nobody listens there, or the way there is barred. `isPermission` if it is the latter.
    case notReachable(reason: String, isPermission: Bool)
    case timedOut
    /// The answer is longer than the caller allows.
    case answerTooLarge(byteCountMax: Int)
    /// Locked memory ran out.
    case noMemory
    /// Anything else, in libcurl's words.
    case failed(reason: String)
}
