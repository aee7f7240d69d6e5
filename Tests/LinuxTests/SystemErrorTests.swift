// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

@testable import Linux

@Suite struct SystemErrorTests {
    @Test(
        "an error says what was tried, on what, and why not",
        arguments: [
            (ENOENT, "No such file or directory", false), (EACCES, "Permission denied", true),
            (EPERM, "Operation not permitted", true),
        ])
    func description(code: Int32, reason: String, isPermission: Bool) {
        let error = SystemError("open", "/x", code: code)
        #expect(error.description == "open /x: \(reason)")
        #expect(error.isPermission == isPermission)
    }

    @Test func theReasonIsThatOfTheLastCall() {
        errno = ENOSPC
        #expect(SystemError("write to", "/x").code == ENOSPC)
    }
}
