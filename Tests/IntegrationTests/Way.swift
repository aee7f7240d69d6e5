// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// How a client comes to an agent: by which listener, and with which version of HTTP. What is true of one is true of all,
/// since the same tests say so.
enum Way: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case socketHTTP11 = "HTTP/1.1 on the socket"
    case socketHTTP2 = "HTTP/2 on the socket"
    case tlsHTTP11 = "HTTP/1.1 by TLS"
    case tlsHTTP2 = "HTTP/2 by TLS"

    static let http11: [Way] = [.socketHTTP11, .tlsHTTP11]
    static let tls: [Way] = [.tlsHTTP11, .tlsHTTP2]

    var isTLS: Bool { Self.tls.contains(self) }
    var isHTTP2: Bool { !Self.http11.contains(self) }
    var testDescription: String { self.rawValue }
}

extension TLSAgent {
    /// - Parameter pair: whom a client of TLS shows itself as.
    func connect(by way: Way, as pair: TestKeyPair? = nil) throws(TestFailure) -> any HTTPTestConnection {
        let connection = try self.connectRaw(by: way, as: pair)
        return way.isHTTP2 ? try HTTP2Connection(on: connection) : connection
    }

    /// A connection on which nothing was sent: only HTTP/1.1 can be written by hand.
    func connectRaw(by way: Way, as pair: TestKeyPair? = nil) throws(TestFailure) -> RawConnection {
        guard way.isTLS else { return try self.agent.connect() }
        let client = TLSClient(
            trusting: self.authority, as: pair, speaking: way.isHTTP2 ? ["h2", "http/1.1"] : ["http/1.1"])
        return try RawConnection(toPort: self.port, with: client)
    }

    func connectHTTP2(as pair: TestKeyPair? = nil) throws(TestFailure) -> HTTP2Connection {
        try HTTP2Connection(on: try self.connectRaw(by: .tlsHTTP2, as: pair))
    }
}
