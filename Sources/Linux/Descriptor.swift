// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// An open file descriptor, closed on release.
package struct Descriptor: ~Copyable, Sendable {
    package let number: CInt

    /// Takes ownership of an open descriptor.
    package init(owning number: CInt) { self.number = number }

    deinit { close(self.number) }

    /// Returns the descriptor, still open. The caller must close it.
    package consuming func relinquish() -> CInt {
        let number = self.number
        discard self
        return number
    }
}

/// Stream sockets. None of these functions waits.
extension Descriptor {
    /// The result of ``receive(into:)``.
    package enum Received {
        /// This many bytes were appended.
        case bytes(Int)
        /// Nothing has arrived.
        case nothing
        /// The peer will send no more.
        case end
        /// The connection is broken.
        case failed
    }

    /// recv(2): appends what has arrived and fits.
    package borrowing func receive(into buffer: inout OutputRawSpan) -> Received {
        let number = self.number
        return unsafe buffer.withUnsafeMutableBytes { bytes, byteCount in
            guard let start = bytes.baseAddress else { return .nothing }
            while true {
                let received = unsafe recv(
                    number, start + byteCount, bytes.count - byteCount, CInt(truncatingIfNeeded: MSG_DONTWAIT))
                if received > 0 {
                    byteCount += received
                    return .bytes(received)
                }
                if received == 0 { return .end }
                switch errno {
                case EINTR: continue
                case EAGAIN: return .nothing
                default: return .failed
                }
            }
        }
    }

    /// send(2), without SIGPIPE.
    ///
    /// - Returns: the number of bytes that the kernel accepted; nil if the connection is broken.
    package borrowing func send(_ bytes: Span<UInt8>) -> Int? {
        let number = self.number
        return unsafe bytes.withUnsafeBytes { bytes in
            while true {
                let sent = unsafe Glibc.send(
                    number, bytes.baseAddress, bytes.count, CInt(truncatingIfNeeded: MSG_DONTWAIT | MSG_NOSIGNAL))
                if sent >= 0 { return sent }
                switch errno {
                case EINTR: continue
                case EAGAIN: return 0
                default: return nil
                }
            }
        }
    }

    /// shutdown(2) of the sending side.
    package borrowing func endSending() { shutdown(self.number, CInt(SHUT_WR)) }
}

/// Listening sockets.
extension Descriptor {
    /// The result of ``accept()``.
    package enum Accepted: ~Copyable {
        case connection(Descriptor)
        /// No connection is waiting.
        case nobody
        /// A connection may be waiting, but cannot be accepted for lack of a descriptor or memory.
        case unable(SystemError)
    }

    /// accept4(2). The listener must be non-blocking; the connection will be, too.
    package borrowing func accept() -> Accepted {
        while true {
            let number = keyside_accept(self.number)
            if number >= 0 { return .connection(Descriptor(owning: number)) }
            switch errno {
            case EINTR, ECONNABORTED: continue
            case EAGAIN: return .nobody
            default: return .unable(SystemError("accept on", "socket"))
            }
        }
    }

    /// Makes the descriptor non-blocking.
    package borrowing func doNotBlock() throws(SystemError) {
        let flags = fcntl(self.number, F_GETFL)
        guard flags >= 0, fcntl(self.number, F_SETFL, flags | O_NONBLOCK) == 0 else {
            throw SystemError("set flags of", "socket")
        }
    }
}
