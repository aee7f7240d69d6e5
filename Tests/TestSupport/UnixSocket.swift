// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The few calls that a Unix socket takes.
package enum UnixSocket {
    static func make(_ kind: __socket_type) throws(TestFailure) -> Descriptor {
        let number = socket(AF_UNIX, CInt(kind.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw .system("socket") }
        return Descriptor(number)
    }

    /// A connection to whoever listens at `path`.
    package static func connection(to path: String) throws(TestFailure) -> Descriptor {
        let descriptor = try self.make(SOCK_STREAM)
        // A full queue of connections makes connect(2) wait: not for ever.
        var timeout = timeval(tv_sec: 60, tv_usec: 0)
        unsafe setsockopt(
            descriptor.number, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        try Self.connect(descriptor, to: path)
        return descriptor
    }

    static func connect(_ descriptor: Descriptor, to path: String) throws(TestFailure) {
        let result = unsafe Self.withAddress(path) { unsafe Glibc.connect(descriptor.number, $0, $1) }
        guard result == 0 else { throw .system("connect \(path)") }
    }

    /// A socket at `path` that listens until its last owner has gone. Its file stays.
    package static func listener(at path: String) throws(TestFailure) -> Descriptor {
        let descriptor = try self.make(SOCK_STREAM)
        try self.bind(descriptor, to: path)
        guard listen(descriptor.number, 16) == 0 else { throw .system("listen \(path)") }
        return descriptor
    }

    static func bind(_ descriptor: Descriptor, to path: String) throws(TestFailure) {
        let result = unsafe Self.withAddress(path) { unsafe Glibc.bind(descriptor.number, $0, $1) }
        guard result == 0 else { throw .system("bind \(path)") }
    }

    private static func withAddress(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        precondition(path.utf8.count < MemoryLayout.size(ofValue: address.sun_path), "\(path) is too long for a socket")
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
