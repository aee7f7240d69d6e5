// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A failed system call: its name, its subject, and the kernel's reason.
package struct SystemError: Error, Equatable, Sendable, CustomStringConvertible {
    package let call: String
    package let subject: String
    package let code: Int32

    /// Reads `errno` unless a code is given.
    init(_ call: String, _ subject: String, code: Int32 = errno) {
        self.call = call
        self.subject = subject
        self.code = code
    }

    /// For a call that was abandoned after a timeout.
    package static func timedOut(_ call: String, _ subject: String) -> SystemError {
        SystemError(call, subject, code: ETIMEDOUT)
    }

    package var reason: String { unsafe String(cString: strerror(self.code)) }

    package var description: String { "\(self.call) \(self.subject): \(self.reason)" }

    package var isPermission: Bool { self.code == EACCES || self.code == EPERM }
}
