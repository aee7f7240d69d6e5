// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// A service manager's end of sd_notify(3): a datagram socket that collects what a service says of itself.
package final class NotifySocket: Sendable {
    package let path: String
    let descriptor: Descriptor
    private let received = Mutex<[String]>([])

    init(at path: String) throws(TestFailure) {
        self.path = path
        self.descriptor = try UnixSocket.make(SOCK_DGRAM)
        try UnixSocket.bind(self.descriptor, to: path)
        guard unsafe chmod(path, 0o666) == 0 else { throw .system("chmod \(path)") }
    }

    /// Everything received so far, one assignment each: `READY=1`.
    package var assignments: [String] { self.received.withLock { $0 } }

    /// Takes in one datagram, which must be there.
    func receive() throws(TestFailure) {
        let datagram = String(decoding: try self.descriptor.read(atMost: 65_536), as: UTF8.self)
        self.received.withLock { $0 += datagram.split(separator: "\n").map(String.init) }
    }

    /// Waits until an assignment has been made, before or from now on.
    package func wait(for assignment: String, until deadline: Deadline = .standard) throws(TestFailure) {
        while !self.assignments.contains(assignment) {
            _ = try deadline.wait(for: POLLIN, on: [self.descriptor.number], waitingFor: assignment)
            try self.receive()
        }
    }
}

/// The few calls that a Unix socket takes.
enum UnixSocket {
    static func make(_ kind: __socket_type) throws(TestFailure) -> Descriptor {
        let number = socket(AF_UNIX, CInt(kind.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw .system("socket") }
        return Descriptor(number)
    }

    static func bind(_ descriptor: Descriptor, to path: String) throws(TestFailure) {
        let result = unsafe Self.withAddress(path) { unsafe Glibc.bind(descriptor.number, $0, $1) }
        guard result == 0 else { throw .system("bind \(path)") }
    }

    static func connect(_ descriptor: Descriptor, to path: String) throws(TestFailure) {
        // A full queue of connections makes connect(2) wait: not for ever.
        var timeout = timeval(tv_sec: 60, tv_usec: 0)
        unsafe setsockopt(
            descriptor.number, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        let result = unsafe Self.withAddress(path) { unsafe Glibc.connect(descriptor.number, $0, $1) }
        guard result == 0 else { throw .system("connect \(path)") }
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
