// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The few calls that a TCP connection within this machine takes.
enum LoopbackSocket {
    static func connection(toPort port: UInt16) throws(TestFailure) -> Descriptor {
        let number = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw .system("socket") }
        let descriptor = Descriptor(number)
        var isOn: CInt = 1
        unsafe setsockopt(number, CInt(IPPROTO_TCP), TCP_NODELAY, &isOn, socklen_t(MemoryLayout<CInt>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw .system("connect to port \(port)") }
        return descriptor
    }
}
