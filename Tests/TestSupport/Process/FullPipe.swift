// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A pipe that is not read and has no room left, so that a write to it blocks.
package final class FullPipe {
    private let output: Descriptor
    /// For a process that is about to be started. It must not be kept by a test that reads to the end.
    package private(set) var input: Descriptor?

    package init() throws(TestFailure) {
        let (output, input) = try Descriptor.pipe()
        // A description of its own: O_NONBLOCK on `input` would be shared with whoever inherits that.
        let filler = try Descriptor.open("/proc/self/fd/\(input.number)", O_WRONLY | O_NONBLOCK)
        for byteCount in [4096, 1] {
            let bytes = [UInt8](repeating: UInt8(ascii: "\n"), count: byteCount)
            while unsafe write(filler.number, bytes, byteCount) > 0 {}
            guard errno == EAGAIN else { throw .system("write") }
        }
        self.output = output
        self.input = input
    }

    /// Reads what there is, or waits for something. Empty when no process has it open for writing any more.
    package func read() throws(TestFailure) -> String {
        _ = try Deadline.standard.wait(for: POLLIN, on: [self.output.number], waitingFor: "output in the pipe")
        return String(decoding: try self.output.read(atMost: 65_536), as: UTF8.self)
    }

    /// Reads until no process has it open for writing any more.
    package func readToTheEnd() throws(TestFailure) -> String {
        self.input = nil
        var text = ""
        while case let more = try self.read(), !more.isEmpty { text += more }
        return text
    }
}
