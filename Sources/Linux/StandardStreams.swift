// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Standard output and error, written with write(2): whole lines, without a library's buffer.
package enum StandardStreams {
    /// Writes a text that is not secret to standard output.
    package static func writeOutput(_ text: String) throws(SystemError) {
        try Self.write(Array(text.utf8).span, to: STDOUT_FILENO, named: "standard output")
    }

    /// Writes bytes that may be secret, without copying them.
    package static func writeOutput(_ bytes: Span<UInt8>) throws(SystemError) {
        try Self.write(bytes, to: STDOUT_FILENO, named: "standard output")
    }

    /// Writes to standard error. May block while that is not read.
    ///
    /// - Returns: whether everything is written.
    @discardableResult package static func writeError(_ text: String) -> Bool {
        do throws(SystemError) {
            try Self.write(Array(text.utf8).span, to: STDERR_FILENO, named: "standard error")
            return true
        } catch {
            return false
        }
    }

    /// Writes the last message of a process to standard error. Gives up after `limit` if that is not read.
    package static func writeError(_ text: String, within limit: Interval) {
        let limits = OutputQueue.Limits(messageCount: 4, byteCount: .max)
        let queue = try? OutputQueue(threadName: "standard-error", limits: limits) { Self.writeError($0) }
        guard let queue else { return }
        queue.submit(text, isImportant: true)
        queue.finish(within: limit)
    }

    /// Whether a person may be reading standard error.
    package static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }
    package static var outputIsTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Whether standard error goes to the journal: systemd then sets `JOURNAL_STREAM` to its device and inode.
    package static var errorIsJournal: Bool {
        guard let stream = unsafe getenv("JOURNAL_STREAM") else { return false }
        var status = stat()
        guard unsafe fstat(STDERR_FILENO, &status) == 0 else { return false }
        return unsafe String(cString: stream) == "\(status.st_dev):\(status.st_ino)"
    }

    private static func write(_ bytes: Span<UInt8>, to descriptor: CInt, named name: String) throws(SystemError) {
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                guard let start = buffer.baseAddress else { return 0 }
                return unsafe Glibc.write(descriptor, start + written, buffer.count - written)
            }
            if count >= 0 {
                written += count
                continue
            }
            switch errno {
            case EINTR: break
            case EAGAIN: Self.waitForRoom(in: descriptor)
            default: throw SystemError("write to", name)
            }
        }
    }

    /// Another process with the same pipe or terminal may have made it non-blocking for all.
    private static func waitForRoom(in descriptor: CInt) {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = unsafe poll(&entry, 1, -1)
    }
}
