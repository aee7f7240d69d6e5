// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import Glibc
import LockedMemory
import Synchronization

/// A connection as its server sees it. Belongs to its thread.
final class TestConnection {
    private let descriptor: CInt
    private let tls: OpaquePointer?
    private unowned let server: TestServer
    private var input: [UInt8] = []

    init(_ descriptor: CInt, context: OpaquePointer, server: TestServer) {
        self.descriptor = descriptor
        self.tls = SSL_new(context)
        self.server = server
        SSL_set_fd(self.tls, descriptor)
        var yes: CInt = 1
        setsockopt(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<CInt>.size))
    }

    deinit { SSL_free(self.tls) }

    /// - Returns: whether it succeeded. If not, the client has been told why, and has gone.
    func shakeHands() -> Bool {
        if SSL_accept(self.tls) == 1 { return true }
        self.waitForSilence()
        return false
    }

    var wasResumed: Bool { SSL_session_reused(self.tls) == 1 }

    /// The next request, whole; nil at the end.
    func readRequest() -> String? {
        var end = self.input.firstRange(of: Array("\r\n\r\n".utf8))
        while end == nil {
            guard let more = self.read() else { return nil }
            self.input += more
            end = self.input.firstRange(of: Array("\r\n\r\n".utf8))
        }
        guard let start = end?.upperBound else { return nil }
        let head = String(decoding: self.input[..<start], as: UTF8.self)
        let length = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
        let byteCount = start + (length.flatMap { Int($0.split(separator: " ")[1]) } ?? 0)
        while self.input.count < byteCount {
            guard let more = self.read() else { return nil }
            self.input += more
        }
        let request = String(decoding: self.input[..<byteCount], as: UTF8.self)
        self.input.removeFirst(byteCount)
        self.server.note(request: head)
        return request
    }

    /// Some bytes; nil at the end.
    func read() -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 16384)
        let count = SSL_read(self.tls, &bytes, CInt(bytes.count))
        return count > 0 ? Array(bytes.prefix(Int(count))) : nil
    }

    /// Without a copy of the secret in ordinary memory.
    func answer(_ secret: borrowing Secret) {
        self.write("HTTP/1.1 200 OK\r\nContent-Length: \(secret.byteCount)\r\n\r\n")
        self.write(secret)
    }

    func write(_ secret: borrowing Secret) {
        secret.withUnsafeBytes { bytes in _ = SSL_write(self.tls, bytes.baseAddress, CInt(bytes.count)) }
    }

    /// - Returns: whether it could be written.
    @discardableResult
    func write(_ bytes: [UInt8]) -> Bool { SSL_write(self.tls, bytes, CInt(bytes.count)) > 0 }

    @discardableResult
    func write(_ text: String) -> Bool { self.write(Array(text.utf8)) }

    func answer(_ body: String, status: String = "200 OK", fields: String = "Content-Type: application/json\r\n") {
        self.write("HTTP/1.1 \(status)\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }

    /// Says that nothing more comes, as TLS has it, and closes.
    func sayGoodbye() { SSL_shutdown(self.tls) }

    /// Closes with a TCP reset instead of a farewell.
    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(self.descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    }

    /// Waits until the client has closed.
    func waitForEnd() { while self.read() != nil {} }

    /// Waits until the client has closed, and leaves what it has sent where it is.
    func waitForGoodbye() {
        var entry = pollfd(fd: self.descriptor, events: 0x2000, revents: 0)  // POLLRDHUP
        poll(&entry, 1, -1)
    }

    /// Waits until the client has closed, without a word of TLS.
    func waitForSilence() {
        var bytes = [UInt8](repeating: 0, count: 16384)
        while recv(self.descriptor, &bytes, bytes.count, 0) > 0 {}
    }

    /// Reads what a client begins a handshake with.
    func waitForHello() {
        var bytes = [UInt8](repeating: 0, count: 16384)
        _ = recv(self.descriptor, &bytes, bytes.count, 0)
    }

    func writeInTheClear(_ text: String) {
        self.waitForHello()
        _ = send(self.descriptor, text, text.utf8.count, CInt(MSG_NOSIGNAL))
    }

    func note(request: String) { self.server.note(request: request) }

    var chosenProtocol: String {
        var name: UnsafePointer<UInt8>?
        var byteCount: UInt32 = 0
        SSL_get0_alpn_selected(self.tls, &name, &byteCount)
        return String(decoding: UnsafeBufferPointer(start: name, count: Int(byteCount)), as: UTF8.self)
    }
}

extension TestConnection {
    /// A well-behaved server: each request gets its own path back, over whatever HTTP was agreed on.
    func answerEverything() {
        guard self.shakeHands() else { return }
        if self.chosenProtocol == "h2" { return self.answerStreams() }
        while let request = self.readRequest() { self.answer(request.path) }
    }
}

extension String {
    /// Of a request: the second word.
    var path: String { self.split(separator: " ", maxSplits: 2).dropFirst().first.map(String.init) ?? "" }
}
