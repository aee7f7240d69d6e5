// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// Connections to Unix sockets.
extension Descriptor {
    /// connect(2). Waits up to `timeout` while the listener's backlog is full. The connection is non-blocking.
    ///
    /// - Throws: ``SystemError``, with EAGAIN after the timeout.
    package static func connection(toSocketAt path: String, timeout: Interval) throws(SystemError) -> Descriptor {
        guard path.utf8.count <= SocketAddress.byteCountMax else {
            throw SystemError("connect to", path, code: ENAMETOOLONG)
        }
        let number = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw SystemError("socket for", path) }
        let descriptor = Descriptor(owning: number)
        var limit = timeval(
            tv_sec: timeout.nanoseconds / 1_000_000_000, tv_usec: timeout.nanoseconds / 1000 % 1_000_000)
        unsafe setsockopt(number, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        while unsafe SocketAddress.with(path, { unsafe connect(number, $0, $1) }) != 0 {
            guard errno == EINTR else { throw SystemError("connect to", path) }
        }
        try descriptor.doNotBlock()
        return descriptor
    }

    /// The process at the other end of a Unix socket: for a client, the one that listens. Nil if it is not visible, as
    /// in a container.
    package var peerProcessID: Int? {
        let process = keyside_peer_process(self.number)
        return process > 0 ? Int(process) : nil
    }
}
