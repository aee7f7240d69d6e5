// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// The address of a TCP listener: a numeric address and a port, `127.0.0.1:7373` or `[::1]:7373`.
///
/// Names are not resolved: the result may change, and may be several addresses.
package struct ListenAddress: Equatable, Sendable, CustomStringConvertible {
    private let host: Host
    /// 0: the kernel chooses.
    package let port: UInt16

    private enum Host: Equatable {
        /// In network byte order.
        case v4([UInt8])
        case v6([UInt8])
    }

    /// - Returns: nil if the text is not a numeric address with a port.
    package init?(_ text: String) {
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else { return nil }
        let digits = text[text.utf8.index(after: colon)...]
        guard (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = UInt16(digits)
        else { return nil }
        var host = String(text[..<colon])
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        if isBracketed { host = String(host.dropFirst().dropLast()) }
        guard !host.utf8.contains(0), let address = Self.address(host, isBracketed ? AF_INET6 : AF_INET) else {
            return nil
        }
        self.host = isBracketed ? .v6(address) : .v4(address)
        self.port = port
    }

    private init(host: Host, port: UInt16) {
        self.host = host
        self.port = port
    }

    private static func address(_ text: String, _ family: CInt) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: family == AF_INET6 ? 16 : 4)
        return unsafe inet_pton(family, text, &bytes) == 1 ? bytes : nil
    }

    func with(port: UInt16) -> ListenAddress { ListenAddress(host: self.host, port: port) }

    /// Whether only this machine can connect: `127.0.0.0/8`, `::1`.
    package var isLoopback: Bool {
        switch self.host {
        case .v4(let bytes): bytes[0] == 127
        case .v6(let bytes): bytes == [UInt8](repeating: 0, count: 15) + [1]
        }
    }

    package var description: String {
        switch self.host {
        case .v4(let bytes): "\(Self.text(bytes, AF_INET)):\(self.port)"
        case .v6(let bytes): "[\(Self.text(bytes, AF_INET6))]:\(self.port)"
        }
    }

    private static func text(_ bytes: [UInt8], _ family: CInt) -> String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        unsafe inet_ntop(family, bytes, &text, socklen_t(text.count))
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    var family: CInt {
        switch self.host {
        case .v4: AF_INET
        case .v6: AF_INET6
        }
    }

    /// Calls `body` with the kernel's form of the address.
    func withSocketAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        switch self.host {
        case .v4(let bytes):
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = self.port.bigEndian
            unsafe withUnsafeMutableBytes(of: &address.sin_addr) { unsafe $0.copyBytes(from: bytes) }
            return unsafe Self.lend(&address, body)
        case .v6(let bytes):
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = self.port.bigEndian
            unsafe withUnsafeMutableBytes(of: &address.sin6_addr) { unsafe $0.copyBytes(from: bytes) }
            return unsafe Self.lend(&address, body)
        }
    }

    private static func lend<Address, Result>(
        _ address: inout Address, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<Address>.size))
            }
        }
    }
}
