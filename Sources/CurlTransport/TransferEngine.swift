// SPDX-License-Identifier: Apache-2.0

package import Cryptography
import Glibc
package import LockedMemory
import Synchronization

/// Carries HTTPS requests over libcurl, on one thread of its own for any number of them.
///
/// Callers await by continuation; no thread blocks for a transfer. Everything of libcurl's is touched on the engine's
/// thread alone, which sleeps in epoll_wait(2) and wakes for a socket, for a timer of libcurl's, for a deadline, or for
/// an order in its ``EngineInbox``. It ends with ``stop()``, or with the engine.
///
/// HTTPS_PROXY and the like are not looked at: what is asked here is asked of the key server itself.
package final class TransferEngine: Sendable {
    package struct Options: Sendable, Equatable {
        package var httpVersion: HTTPVersion
        /// For name, connection and handshake together.
        package var connectTimeout: Duration
        /// The most requests under way to one endpoint, each on a connection of its own over HTTP/1.1. More wait here.
        ///
        /// ``MemoryPlan/upstreamRequests`` says for how many there is memory.
        package var requestCountMax: Int
        /// The most connections of a pool, whatever their endpoints. To open one more, the one idle longest is closed.
        package var connectionCountMax = 256

        /// How long a connection may be idle and still be used. A KES server closes one after 90 s.
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

    package enum HTTPVersion: Sendable {
        /// What costs least and loses nothing. That is HTTP/1.1: here and in the server it takes a little less of the
        /// processor's time, and libcurl 7.88 may lose the answer of an HTTP/2 server that refuses a request before it has
        /// taken the body, and fails a request that crosses a GOAWAY.
        case auto
        case http11
        /// HTTP/1.1 where the server does not speak it, and for what is not repeatable.
        case http2
    }

    private let inbox: EngineInbox
    private let turns = TurnCount()

    /// - Throws: when the libraries were in use before, or the kernel has no descriptor or thread left.
    package init(options: Options = Options(), memory: SecretMemory) throws(CurlSetupError) {
        try CurlLibrary.install(memory)
        self.inbox = try EngineInbox()
        try Self.startThread(
            EngineLoop(inbox: self.inbox, options: options, memory: memory, turnCount: self.turns))
    }

    deinit { _ = self.inbox.post(.stop(nil)) }

    /// A pool whose connections are opened with `tls`.
    package func makePool(tls: ClientTLS) -> ConnectionPool {
        ConnectionPool(record: PoolState(tls: tls), inbox: self.inbox)
    }

    /// Ends every transfer with `.stopped` and closes every connection. Returns when the thread has nothing left to do.
    package func stop() async {
        await withCheckedContinuation { waiter in
            if !self.inbox.post(.stop(waiter)) { waiter.resume() }
        }
    }

    /// How often the thread has woken up: an engine with nothing to do does not turn.
    package var turnCount: Int { self.turns.value.load(ordering: .relaxed) }

    /// The thread takes no signals: they are for those who expect them.
    private static func startThread(_ loop: EngineLoop) throws(CurlSetupError) {
        var all = sigset_t()
        var before = sigset_t()
        unsafe sigfillset(&all)
        unsafe pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }

        // From here on the loop is the thread's alone.
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

/// How often the engine's thread has woken up.
final class TurnCount: Sendable {
    let value = Atomic(0)
}
