// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A failed system call: its name, its subject, and the kernel's reason.
package struct SystemError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The failed action, to follow "cannot": `listen on`.
    package let call: String
    /// The object of the action: a path, an address.
    package let subject: String
    /// The `errno`.
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

    /// The kernel's text for the code.
    package var reason: String { unsafe String(cString: strerror(self.code)) }

    package var description: String { "\(self.call) \(self.subject): \(self.reason)" }

    /// Whether the user lacks permission.
    package var isPermission: Bool { self.code == EACCES || self.code == EPERM }
}
