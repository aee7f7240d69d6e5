// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A file descriptor with an owner: closed when the owner has gone.
package final class Descriptor: Sendable {
    package let number: CInt

    package init(_ number: CInt) { self.number = number }

    deinit { close(self.number) }

    package static func open(_ path: String, _ flags: CInt) throws(TestFailure) -> Descriptor {
        let number = unsafe Glibc.open(path, flags | O_CLOEXEC, 0o666)
        guard number >= 0 else { throw .system("open \(path)") }
        return Descriptor(number)
    }

    package static func pipe() throws(TestFailure) -> (output: Descriptor, input: Descriptor) {
        var ends: [CInt] = [-1, -1]
        guard unsafe Glibc.pipe(&ends) == 0 else { throw .system("pipe") }
        return (Descriptor(ends[0]), Descriptor(ends[1]))
    }

    /// Writes everything.
    package func write(_ bytes: [UInt8]) throws(TestFailure) {
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(self.number, buffer.baseAddress?.advanced(by: written), buffer.count - written)
            }
            guard count >= 0 || errno == EINTR else { throw .system("write") }
            written += max(count, 0)
        }
    }

    /// Reads what there is, at most `byteCountMax` bytes; none at the end.
    package func read(atMost byteCountMax: Int) throws(TestFailure) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: byteCountMax)
        while true {
            let count = unsafe Glibc.read(self.number, &bytes, byteCountMax)
            if count >= 0 { return Array(bytes.prefix(count)) }
            guard errno == EINTR else { throw .system("read") }
        }
    }

    /// Reads to the end.
    package func readAll() throws(TestFailure) -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let bytes = try self.read(atMost: 1 << 16)
            if bytes.isEmpty { return all }
            all += bytes
        }
    }
}

/// The contents of a file, also of one in `/proc`, which has no size to go by.
package func contents(of path: String) throws(TestFailure) -> [UInt8] { try Descriptor.open(path, O_RDONLY).readAll() }

/// The same as text; what is not UTF-8 becomes U+FFFD.
package func text(of path: String) throws(TestFailure) -> String {
    String(decoding: try contents(of: path), as: UTF8.self)
}
