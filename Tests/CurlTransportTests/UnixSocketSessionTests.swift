// SPDX-License-Identifier: Apache-2.0

import CurlTransport
import Glibc
import LockedMemory
import TestSupport
import Testing

@Suite(.serialized) struct UnixSocketSessionTests {
    let folder: TemporaryDirectory
    let memory: SecretMemory

    init() throws {
        self.folder = try TemporaryDirectory()
        self.memory = try Trust.shared.memory
    }

    private func session(timeout: Duration = .seconds(60)) throws -> UnixSocketSession {
        try UnixSocketSession(
            socketPath: self.folder("socket"), timeout: timeout, answerByteCountMax: 1_000, memory: self.memory)
    }

    /// Listens on the socket and answers each connection's first request with `answer`, nothing if that is nil.
    private func listen(answering answer: String?) throws {
        let listener = try UnixListener(path: self.folder("socket"))
        onNewThread { listener.answerAll(answer) }
    }

    @Test func oneQuestionGetsItsAnswer() throws {
        try self.listen(answering: "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody")
        let answer = try self.session().perform(.get, "/v1/status", isRepeatable: true)
        #expect(answer.status == 200)
        #expect(answer.text == "body")
    }

    @Test func aSocketThatIsNotThereRefuses() throws {
        let session = try self.session()
        #expect(
            throws: TransferFailure(.refused, reason: "No such file or directory", requestWasSent: false)
        ) {
            _ = try session.perform(.get, "/v1/status", isRepeatable: true)
        }
    }

    /// In a process of its own, which becomes somebody whom the socket's mode keeps out.
    @Test(.enabled(if: geteuid() == 0, "only root can become somebody else"))
    func aSocketThatIsNotForUsSaysSo() async {
        await #expect(processExitsWith: .success) {
            let tests = try UnixSocketSessionTests()
            try tests.listen(answering: nil)
            chmod(tests.folder("socket"), 0o600)
            let session = try tests.session()
            #expect(setuid(65_534) == 0)
            #expect(throws: TransferFailure(.notPermitted, reason: "Permission denied", requestWasSent: false)) {
                _ = try session.perform(.get, "/v1/status", isRepeatable: true)
            }
        }
    }

    @Test func anAnswerThatDoesNotComeTimesOut() throws {
        try self.listen(answering: nil)
        let session = try self.session(timeout: .milliseconds(50))
        let failure = #expect(throws: TransferFailure.self) {
            _ = try session.perform(.get, "/v1/status", isRepeatable: true)
        }
        #expect(failure?.kind == .timedOut(whileConnecting: false))
    }

    @Test func anAnswerOverTheLimitIsNotTaken() throws {
        try self.listen(answering: "HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "x", count: 1_001))
        let session = try self.session()
        let failure = #expect(throws: TransferFailure.self) {
            _ = try session.perform(.get, "/v1/status", isRepeatable: true)
        }
        #expect(failure?.kind == .answerTooLarge)
    }
}

/// A Unix socket that answers the first request of each connection, to the end of the process.
private final class UnixListener: Sendable {
    private let descriptor: CInt

    init(path: String) throws {
        self.descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let isBound = withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(self.descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        guard isBound, Glibc.listen(self.descriptor, 8) == 0 else {
            throw TestFailure.system(call: "listen", code: errno)
        }
    }

    func answerAll(_ answer: String?) {
        while true {
            let connection = accept(self.descriptor, nil, nil)
            guard connection >= 0 else { return }
            var bytes = [UInt8](repeating: 0, count: 4096)
            _ = recv(connection, &bytes, bytes.count, 0)
            if let answer { _ = send(connection, answer, answer.utf8.count, CInt(MSG_NOSIGNAL)) }
            while recv(connection, &bytes, bytes.count, 0) > 0 {}
            close(connection)
        }
    }
}
