// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Why a test could not go on: what it waited for did not come, or what came is not what it can be.
package enum TestFailure: Error, Equatable, CustomStringConvertible {
    /// Nothing happened for so long that nothing will.
    case timedOut(waitingFor: String)
    /// A system call failed.
    case system(call: String, code: Int32)
    /// The peer closed the connection, or reset it, where an answer was due.
    case ended(String)
    /// The peer said something that the protocol does not allow.
    case malformed(String)
    /// The world is not as the test needs it.
    case unusable(String)

    package var description: String {
        switch self {
        case .timedOut(let event): "waited in vain for \(event)"
        case .system(let call, let code): "\(call): \(unsafe String(cString: strerror(code)))"
        case .ended(let what): "the peer ended the connection: \(what)"
        case .malformed(let what): "malformed: \(what)"
        case .unusable(let what): what
        }
    }

    static func system(_ call: String) -> TestFailure { .system(call: call, code: errno) }
}
