// SPDX-License-Identifier: Apache-2.0

package import Cryptography
import Glibc
package import LockedMemory
import Synchronization

/// Performs HTTPS requests with libcurl, on one thread for any number of them.
///
/// Callers suspend; no thread blocks for a transfer. Only the engine's thread calls libcurl. It sleeps in
/// epoll_wait(2), and wakes for a socket, a timer of libcurl, a deadline, or a command in its ``EngineInbox``. It ends
/// with ``stop()``, or when the engine is released.
///
/// Proxy variables such as HTTPS_PROXY are ignored: requests go directly to the key server.
package final class TransferEngine: Sendable {
    /// Settings of an engine. They apply to all its pools.
    package struct Options: Sendable, Equatable {
        package var httpVersion: HTTPVersion
        /// For name resolution, connection and handshake together.
        package var connectTimeout: Duration
        /// Maximum number of requests in flight to one endpoint; over HTTP/1.1, each has a connection. More requests
        /// wait.
        ///
        /// ``MemoryPlan/upstreamRequests`` is the number that there is memory for.
        package var requestCountMax: Int
        /// Maximum number of connections of a pool, over all endpoints. Beyond it, the connection that was idle longest
        /// is closed.
        package var connectionCountMax = 256

        /// Maximum idle time of a connection before it is no longer used. A KES server closes one after 90 s.
        package var idleTimeout = Duration.seconds(60)

        package init(
            httpVersion: HTTPVersion = .auto, connectTimeout: Duration = .seconds(2), requestCountMax: Int = 24
        ) {
            precondition(requestCountMax > 0, "nothing would ever be sent")
            self.httpVersion = httpVersion
            self.connectTimeout = connectTimeout
            self.requestCountMax = requestCountMax
        }
    }

    /// The protocol of new connections.
    package enum HTTPVersion: Sendable {
        /// The cheapest reliable protocol, which is HTTP/1.1: it needs slightly less CPU here and in the server.
        /// libcurl 7.88 may lose the answer of an HTTP/2 server that refuses a request before it has read the body, and
        /// fails a request that crosses a GOAWAY.
        case auto
        case http11
        /// HTTP/2; but HTTP/1.1 with servers that lack HTTP/2, and for requests that are not repeatable.
        case http2
    }

    private let inbox: EngineInbox
    private let turns = TurnCount()

    /// - Throws: if the libraries were used before, or no descriptor or thread is available.
    package init(options: Options = Options(), memory: SecretMemory) throws(CurlSetupError) {
        try CurlLibrary.install(memory)
        self.inbox = try EngineInbox()
        try Self.startThread(
            EngineLoop(inbox: self.inbox, options: options, memory: memory, turnCount: self.turns))
    }

    deinit { _ = self.inbox.post(.stop(nil)) }

    /// Creates a pool whose connections use `tls`.
    package func makePool(tls: ClientTLS) -> ConnectionPool {
        ConnectionPool(record: PoolState(tls: tls), inbox: self.inbox)
    }

    /// Completes every transfer with `.stopped` and closes every connection. Returns when the thread has finished.
    package func stop() async {
        await withCheckedContinuation { waiter in
            if !self.inbox.post(.stop(waiter)) { waiter.resume() }
        }
    }

    /// How often the thread has woken up. For tests: an idle engine does not wake.
    package var turnCount: Int { self.turns.value.load(ordering: .relaxed) }

    /// The thread blocks all signals, so that other threads receive them.
    private static func startThread(_ loop: EngineLoop) throws(CurlSetupError) {
        var all = sigset_t()
        var before = sigset_t()
        unsafe sigfillset(&all)
        unsafe pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }

        // From here on, only the thread uses the loop.
        let context = unsafe Unmanaged.passRetained(loop)
        var thread = pthread_t()
        let code = unsafe pthread_create(
            &thread, nil,
            { context in
                guard let context = unsafe context else { return nil }
                let waiters = unsafe Unmanaged<EngineLoop>.fromOpaque(context).takeRetainedValue().run()
                for waiter in waiters { waiter.resume() }
                return nil
            }, context.toOpaque())
        guard code == 0 else {
            unsafe context.release()
            throw .system(call: "pthread_create", code: code)
        }
        pthread_detach(thread)
    }
}

/// Counts how often the engine's thread has woken up.
final class TurnCount: Sendable {
    let value = Atomic(0)
}
