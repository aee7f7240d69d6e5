// SPDX-License-Identifier: Apache-2.0

package import Cryptography
package import LockedMemory

/// Carries HTTPS requests over libcurl, on one thread of its own for any number of them.
///
/// Callers await by continuation; no thread blocks for a transfer. Everything of libcurl's is touched on the engine's
/// thread alone, which sleeps in epoll_wait(2) and wakes for a socket, for a timer of libcurl's, for a deadline, or for
/// an order in its ``OrderBook``.
package final class TransferEngine: Sendable {
    package struct Options: Sendable, Equatable {
        package var httpVersion: HTTPVersion
        /// For name, connection and handshake together.
        package var connectTimeout: Duration
        /// The most HTTP/1.1 connections to one endpoint, and so the most requests under way to it. More wait here.
        package var connectionCountMax: Int
        /// The most requests under way to one endpoint over HTTP/2, as a rule on one connection.
        package var streamCountMax: Int

        package init(
            httpVersion: HTTPVersion = .auto,
            connectTimeout: Duration = .seconds(2),
            connectionCountMax: Int = 16,
            streamCountMax: Int = 64
        ) {
            self.httpVersion = httpVersion
            self.connectTimeout = connectTimeout
            self.connectionCountMax = connectionCountMax
            self.streamCountMax = streamCountMax
        }
    }

    package enum HTTPVersion: Sendable {
        /// What costs least: HTTP/1.1.
        case auto
        case http11
        /// HTTP/1.1 where the server does not speak it.
        case http2
    }

    /// - Throws: when the libraries were in use before, or the kernel has no descriptor or thread left.
    package init(options: Options = Options(), memory: SecretMemory) throws(CurlSetupError) {
        throw .libraryNotReady
    }

    /// A pool whose connections are opened with `tls`.
    package func makePool(tls: ClientTLS) -> ConnectionPool { ConnectionPool() }

    /// Ends every transfer with `.stopped` and closes every connection. Returns when the thread has ended.
    package func stop() async {}
}
