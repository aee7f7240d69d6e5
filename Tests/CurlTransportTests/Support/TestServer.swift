// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import Glibc
import Synchronization
import TestSupport

/// A TLS server on a loopback port, with a thread for each connection: as slow and as rude as a test wants it.
final class TestServer: Sendable {
    let port: UInt16
    var endpoint: String { "https://localhost:\(self.port)" }

    private let listener: CInt
    private nonisolated(unsafe) let context: OpaquePointer
    private nonisolated(unsafe) let laterContext: OpaquePointer?
    private let serve: @Sendable (TestConnection) -> Void
    private let journal = Mutex(Journal())

    private struct Journal {
        /// Descriptors of those that are open.
        var connections: Set<CInt> = []
        var acceptedCount = 0
        var requests: [String] = []
        var isClosed = false
        var waiters: [(isDue: @Sendable (Journal) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
    }

    /// - Parameters:
    ///   - certificate: the server's own; by default one that the clients of the tests trust.
    ///   - protocols: for ALPN, the one it likes best first.
    ///   - laterProtocols: for every connection but the first. Nil: the same.
    ///   - clientAuthority: PEM; who must have signed the client's certificate. Nil: none is asked for.
    ///   - serve: what it does with a connection, before the handshake. When it returns, the connection is closed.
    init(
        certificate: TestKeyPair? = nil,
        protocols: [String] = ["http/1.1"],
        laterProtocols: [String]? = nil,
        clientAuthority: String? = nil,
        serve: @escaping @Sendable (TestConnection) -> Void = { $0.answerEverything() }
    ) throws {
        let trust = try Trust.shared
        let listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, length) == 0 && listen(listener, 512) == 0
                    && getsockname(listener, address, &length) == 0
            }
        }
        guard isBound else { throw TestFailure.system(call: "listen", code: errno) }
        self.listener = listener
        self.port = UInt16(bigEndian: address.sin_port)
        self.context = try ServerContext.make(
            certificate: certificate ?? trust.server, protocols: protocols, clientAuthority: clientAuthority)
        self.laterContext = try laterProtocols.map { protocols in
            try ServerContext.make(
                certificate: certificate ?? trust.server, protocols: protocols, clientAuthority: clientAuthority)
        }
        self.serve = serve
        onNewThread { self.acceptAll() }
    }

    /// Stops listening, and ends all connections. Under the lock, since a descriptor that was closed may be somebody
    /// else's by now.
    func stop() {
        self.journal.withLock { journal in
            if !journal.isClosed { shutdown(self.listener, CInt(SHUT_RDWR)) }
            for descriptor in journal.connections { shutdown(descriptor, CInt(SHUT_RDWR)) }
        }
    }

    /// Returns when nobody listens any more, after ``stop()``.
    func waitForListenerToClose() async { await self.wait { $0.isClosed } }

    var requests: [String] { self.journal.withLock { $0.requests } }
    var acceptedCount: Int { self.journal.withLock { $0.acceptedCount } }
    var openCount: Int { self.journal.withLock { $0.connections.count } }

    /// Returns when so many requests have come, heads of HTTP/1.1 or streams of HTTP/2.
    func waitForRequests(_ count: Int) async { await self.wait { $0.requests.count >= count } }

    /// Returns when no connection is open any more.
    func waitForClose() async { await self.wait { $0.connections.isEmpty } }

    private func wait(_ isDue: @escaping @Sendable (Journal) -> Bool) async {
        await withCheckedContinuation { continuation in
            let isDueNow = self.journal.withLock { journal in
                if isDue(journal) { return true }
                journal.waiters.append((isDue, continuation))
                return false
            }
            if isDueNow { continuation.resume() }
        }
    }

    func note(request: String) { self.change { $0.requests.append(request) } }

    private func change(_ body: (inout Journal) -> Void) {
        let due = self.journal.withLock { journal in
            body(&journal)
            let waiters = journal.waiters
            journal.waiters.removeAll { [journal] in $0.isDue(journal) }
            return waiters.filter { $0.isDue(journal) }
        }
        for waiter in due { waiter.continuation.resume() }
    }

    private func acceptAll() {
        while true {
            let descriptor = accept(self.listener, nil, nil)
            guard descriptor >= 0 else { break }
            self.change {
                $0.connections.insert(descriptor)
                $0.acceptedCount += 1
            }
            let isFirst = self.acceptedCount == 1
            onNewThread {
                let context = isFirst ? self.context : self.laterContext ?? self.context
                self.serve(TestConnection(descriptor, context: context, server: self))
                self.change {
                    $0.connections.remove(descriptor)
                    close(descriptor)
                }
            }
        }
        self.change {
            $0.isClosed = true
            close(self.listener)
        }
    }
}

/// Runs `body` on a thread of its own.
func onNewThread(_ body: @escaping @Sendable () -> Void) {
    final class Job: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let job = Unmanaged.passRetained(Job(body))
    let code = pthread_create(
        &thread, nil,
        { context in
            guard let context else { return nil }
            Unmanaged<Job>.fromOpaque(context).takeRetainedValue().body()
            return nil
        }, job.toOpaque())
    precondition(code == 0, "no thread")
    pthread_detach(thread)
}
