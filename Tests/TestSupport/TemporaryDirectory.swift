// SPDX-License-Identifier: Apache-2.0

import CTestSupport
import Glibc

/// A folder of a test's own, which every user may look into. It goes with its last owner.
package final class TemporaryDirectory: Sendable {
    package let path: String

    package init() throws(TestFailure) {
        var template = Array("/tmp/keyside-test-XXXXXX".utf8CString)
        guard let path = unsafe mkdtemp(&template) else { throw .system("mkdtemp") }
        self.path = unsafe String(cString: path)
        guard unsafe chmod(self.path, 0o755) == 0 else { throw .system("chmod \(self.path)") }
    }

    deinit { unsafe testsupport_remove_folder(self.path) }

    package func callAsFunction(_ name: String) -> String { "\(self.path)/\(name)" }

    /// Writes a file and returns its path.
    @discardableResult
    package func write(_ contents: String, to name: String, mode: UInt32 = 0o644) throws(TestFailure) -> String {
        try self.write(Array(contents.utf8), to: name, mode: mode)
    }

    @discardableResult
    package func write(_ contents: [UInt8], to name: String, mode: UInt32 = 0o644) throws(TestFailure) -> String {
        let path = self(name)
        let descriptor = try Descriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC)
        try descriptor.write(contents)
        guard unsafe chmod(path, mode) == 0 else { throw .system("chmod \(path)") }
        return path
    }

    @discardableResult
    package func makeFolder(_ name: String, mode: UInt32 = 0o755) throws(TestFailure) -> String {
        let path = self(name)
        guard unsafe mkdir(path, mode) == 0 else { throw .system("mkdir \(path)") }
        return path
    }
}
