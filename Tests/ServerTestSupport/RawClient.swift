// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization
import TestSupport

/// The other end of a connection, byte by byte: what it sends, when it stops sending, and whether it reads are the
/// test's to say.
package final class RawClient: Sendable {
    package enum Failure: Error, Equatable {
        case cannotConnect(code: Int32)
        case cannotSend(code: Int32)
        case cannotReceive(code: Int32)
        /// The connection ended inside an answer, or where one was due.
        case ended(after: String)
        case notAnAnswer(String)
    }

    private let descriptor: CInt
    private let unread = Mutex<[UInt8]>([])

    /// Long enough for the slowest machine; only a test that fails waits for it.
    private static let patience = timeval(tv_sec: 20, tv_usec: 0)

    private static let doNotWait = CInt(truncatingIfNeeded: MSG_DONTWAIT)
    private static let noSignal = CInt(truncatingIfNeeded: MSG_NOSIGNAL)

    /// Lives as long as the client.
    private let server: (any AnyObject & Sendable)?

    /// Takes over a connected socket.
    package init(descriptor: CInt, keeping server: (any AnyObject & Sendable)? = nil) {
        self.descriptor = descriptor
        self.server = server
        var patience = Self.patience
        let byteCount = socklen_t(MemoryLayout<timeval>.size)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, byteCount)
    }

    /// Connects without waiting for room in the queue of the listener.
    package convenience init(to path: String) throws {
        let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else {
            let code = errno
            Glibc.close(descriptor)
            throw Failure.cannotConnect(code: code)
        }
        _ = fcntl(descriptor, F_SETFL, 0)
        self.init(descriptor: descriptor)
    }

    /// Connects to a port of this machine.
    package convenience init(toPort port: UInt16) throws {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            let code = errno
            Glibc.close(descriptor)
            throw Failure.cannotConnect(code: code)
        }
        self.init(descriptor: descriptor)
    }

    deinit { Glibc.close(self.descriptor) }

    // MARK: Sending

    package func send(_ text: String) async throws { try await self.send(Array(text.utf8)) }

    package func send(_ bytes: [UInt8]) async throws {
        var sent = 0
        while sent < bytes.count {
            let rest = Array(bytes[sent...])
            let now = self.sendWhatFits(rest)
            sent += now > 0 ? now : try await onThread { try self.sendSome(rest) }
        }
    }

    /// Sends as much as the socket takes at once.
    package func sendWhatFits(_ bytes: [UInt8]) -> Int {
        max(0, unsafe Glibc.send(self.descriptor, bytes, bytes.count, Self.doNotWait | Self.noSignal))
    }

    private func sendSome(_ bytes: [UInt8]) throws -> Int {
        let count = unsafe Glibc.send(self.descriptor, bytes, bytes.count, Self.noSignal)
        guard count >= 0 else { throw Failure.cannotSend(code: errno) }
        return count
    }

    /// Shuts down the sending side, and goes on reading.
    package func endSending() { shutdown(self.descriptor, CInt(SHUT_WR)) }

    /// Goes away: nothing that is sent to this client will be read.
    package func leave() { shutdown(self.descriptor, CInt(SHUT_RDWR)) }

    // MARK: Receiving

    /// The next answer.
    ///
    /// - Parameter toHead: whether it is to a HEAD, and so without the body that it announces.
    package func receive(toHead: Bool = false) async throws -> Answer {
        while true {
            let answer = try self.unread.withLock { unread in try Answer(takingFrom: &unread, toHead: toHead) }
            if let answer { return answer }
            guard try await self.receiveMore() else {
                throw Failure.ended(after: self.unread.withLock { String(decoding: $0, as: UTF8.self) })
            }
        }
    }

    package func receive(_ count: Int) async throws -> [Answer] {
        var answers: [Answer] = []
        for _ in 0..<count { answers.append(try await self.receive()) }
        return answers
    }

    /// What comes next, whatever it is; nothing at the end of the connection.
    package func receiveSome() async throws -> [UInt8] {
        guard try await self.receiveMore() else { return [] }
        return self.unread.withLock { $0.consume() }
    }

    /// Everything up to the end of the connection.
    package func receiveToEnd() async throws -> [UInt8] {
        while try await self.receiveMore() {}
        return self.unread.withLock { $0.consume() }
    }

    /// The answers up to the end of the connection.
    package func receiveAnswersToEnd() async throws -> [Answer] {
        var bytes = try await self.receiveToEnd()
        var answers: [Answer] = []
        while let answer = try Answer(takingFrom: &bytes, toHead: false) { answers.append(answer) }
        guard bytes.isEmpty else { throw Failure.ended(after: String(decoding: bytes, as: UTF8.self)) }
        return answers
    }

    /// False at the end of the connection, which a reset is too: a server that closes before it has read everything
    /// causes one.
    private func receiveMore() async throws -> Bool {
        var bytes = try self.receiveSome(Self.doNotWait)
        if bytes == nil { bytes = try await onThread { try self.receiveSome(0) } }
        guard let bytes else { throw Failure.cannotReceive(code: EAGAIN) }
        self.unread.withLock { $0 += bytes }
        return !bytes.isEmpty
    }

    /// Nil if there is nothing, empty at the end.
    private func receiveSome(_ flags: CInt) throws -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = unsafe recv(self.descriptor, &bytes, bytes.count, flags)
        if count < 0 {
            switch errno {
            case EAGAIN: return nil
            case ECONNRESET: return []
            case let code: throw Failure.cannotReceive(code: code)
            }
        }
        return Array(bytes.prefix(count))
    }
}

extension [UInt8] {
    fileprivate mutating func consume() -> [UInt8] {
        defer { self = [] }
        return self
    }
}
