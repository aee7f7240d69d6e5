// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import Glibc
import Synchronization

/// A connection as its server sees it. Its thread alone uses it, but for ``hangUp()``.
///
/// `@unchecked Sendable`: for that reason.
final class TestConnection: @unchecked Sendable {
    let descriptor: CInt
    private let tls: OpaquePointer?
    private unowned let server: TestServer
    private var input: [UInt8] = []

    init(_ descriptor: CInt, context: OpaquePointer, server: TestServer) {
        self.descriptor = descriptor
        self.tls = SSL_new(context)
        self.server = server
        SSL_set_fd(self.tls, descriptor)
    }

    deinit { SSL_free(self.tls) }

    // MARK: What a test's server does

    /// - Returns: whether it succeeded.
    func shakeHands() -> Bool { SSL_accept(self.tls) == 1 }

    var wasResumed: Bool { SSL_session_reused(self.tls) == 1 }

    /// The request line and the fields of the next request, when its body has come too; nil at the end.
    func readRequest() -> String? {
        while true {
            if let end = self.input.firstRange(of: Array("\r\n\r\n".utf8)) {
                let head = String(decoding: self.input[..<end.lowerBound], as: UTF8.self)
                let length = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
                let bodyByteCount = length.flatMap { Int($0.split(separator: " ")[1]) } ?? 0
                if self.input.count >= end.upperBound + bodyByteCount {
                    let body = String(
                        decoding: self.input[end.upperBound..<end.upperBound + bodyByteCount], as: UTF8.self)
                    self.input.removeFirst(end.upperBound + bodyByteCount)
                    self.server.note(request: head)
                    return head + "\r\n\r\n" + body
                }
            }
            guard let more = self.read() else { return nil }
            self.input += more
        }
    }

    /// Some bytes; nil at the end.
    func read() -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 16384)
        let count = SSL_read(self.tls, &bytes, CInt(bytes.count))
        return count > 0 ? Array(bytes.prefix(Int(count))) : nil
    }

    func write(_ bytes: [UInt8]) { SSL_write(self.tls, bytes, CInt(bytes.count)) }

    func write(_ text: String) { self.write(Array(text.utf8)) }

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

    func note(request: String) { self.server.note(request: request) }

    var chosenProtocol: String {
        var name: UnsafePointer<UInt8>?
        var byteCount: UInt32 = 0
        SSL_get0_alpn_selected(self.tls, &name, &byteCount)
        return String(decoding: UnsafeBufferPointer(start: name, count: Int(byteCount)), as: UTF8.self)
    }

    // MARK: What the server itself does

    /// Wakes the connection's thread by ending its input and output.
    func hangUp() { shutdown(self.descriptor, CInt(SHUT_RDWR)) }
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
