// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

/// A folder of its own for a test, gone when the test ends.
final class TemporaryFolder {
    let path: String
    private var names: [String] = []

    init() throws {
        var template = Array("/tmp/keyside-settings-XXXXXX".utf8CString)
        let made = unsafe template.withUnsafeMutableBufferPointer {
            unsafe $0.baseAddress.flatMap { unsafe mkdtemp($0) }
        }
        self.path = unsafe String(cString: try #require(unsafe made))
    }

    /// Writes a file and returns its path.
    @discardableResult
    func write(_ contents: String, to name: String) throws -> String {
        try self.write(Array(contents.utf8), to: name)
    }

    @discardableResult
    func write(_ contents: [UInt8], to name: String) throws -> String {
        let path = "\(self.path)/\(name)"
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        self.names.append(name)
        let count = unsafe contents.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
        try #require(count == contents.count)
        return path
    }

    deinit {
        for name in self.names { unsafe unlink("\(self.path)/\(name)") }
        unsafe rmdir(self.path)
    }
}
