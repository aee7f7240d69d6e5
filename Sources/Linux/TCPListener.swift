// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Why a process cannot listen on an address.
package enum TCPListenerError: Error, Equatable, Sendable {
    /// Another process listens there.
    case inUse(ListenAddress)
    /// No interface of the machine has the address.
    case notLocal(ListenAddress)
    /// Ports below 1024 need a privilege.
    case notPermitted(ListenAddress)
    case system(SystemError)
}

/// A listening TCP socket.
package struct TCPListener: ~Copyable, Sendable {
    /// The address it listens on, with the port that the kernel chose if it was 0.
    package let address: ListenAddress
    /// Listening and non-blocking.
    package let socket: Descriptor

    /// Maximum backlog. The kernel limits it to `net.core.somaxconn`.
    private static var backlog: CInt { 4096 }

    /// - Throws: ``TCPListenerError``.
    package init(at address: ListenAddress) throws(TCPListenerError) {
        let number = Glibc.socket(
            address.family, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0)
        guard number >= 0 else { throw .system(SystemError("socket for", "\(address)")) }
        let socket = Descriptor(owning: number)
        // Lets a restart listen while connections of the last run are in TIME_WAIT.
        socket.set(SOL_SOCKET, SO_REUSEADDR)
        // `[::]` accepts IPv6 only; IPv4 has addresses of its own.
        if address.family == AF_INET6 { socket.set(CInt(IPPROTO_IPV6), IPV6_V6ONLY) }
        guard unsafe address.withSocketAddress({ unsafe bind(number, $0, $1) }) == 0,
            listen(number, Self.backlog) == 0
        else {
            switch errno {
            case EADDRINUSE: throw .inUse(address)
            case EADDRNOTAVAIL: throw .notLocal(address)
            case EACCES: throw .notPermitted(address)
            case _: throw .system(SystemError("listen on", "\(address)"))
            }
        }
        self.address = address.with(port: Self.port(of: number))
        self.socket = socket
    }

    /// Returns the socket. The caller then owns it.
    package consuming func relinquish() -> Descriptor { self.socket }

    private static func port(of number: CInt) -> UInt16 {
        var address = sockaddr_in6()  // The port is at the same offset as in IPv4.
        var byteCount = socklen_t(MemoryLayout<sockaddr_in6>.size)
        unsafe withUnsafeMutablePointer(to: &address) { pointer in
            _ = unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(number, $0, &byteCount)
            }
        }
        return UInt16(bigEndian: address.sin6_port)
    }
}

extension Descriptor {
    /// Disables Nagle's algorithm: answers are sent as a whole.
    package borrowing func doNotDelay() { self.set(CInt(IPPROTO_TCP), TCP_NODELAY) }

    fileprivate borrowing func set(_ level: CInt, _ option: CInt) {
        var yes: CInt = 1
        unsafe setsockopt(self.number, level, option, &yes, socklen_t(MemoryLayout<CInt>.size))
    }
}
