// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Linux
import LockedMemory
import Logging
import ServerTestSupport
import TLS
import TestSupport

@testable import HTTPServer

/// A server of TLS on a port of this machine, and what its clients need.
struct TLSTestServer: Sendable {
    let server: Server
    let tls: ServerTLS
    let port: UInt16
    let connections: ConnectionCount
    let authority: TestAuthority

    /// Runs `body` with a server that is gone afterwards, whatever comes of it.
    ///
    /// - Parameter clientAuthority: whose certificates clients must have; nil for any.
    static func run(
        _ front: ScriptedFront, limits: ServerLimits = .generous, clientAuthority: TestAuthority? = nil,
        threads: Int = 1,
        _ body: (TLSTestServer) async throws -> Void
    ) async throws {
        let authority = try TestAuthority()
        let tls = ServerTLS(try Self.context(of: authority.issueServer(), clientAuthority: clientAuthority))
        guard let anyPort = ListenAddress("127.0.0.1:0") else { preconditionFailure("an address that is none") }
        let listener = try TCPListener(at: anyPort)
        let port = listener.address.port
        let connections = ConnectionCount(
            limit: limits.connections, unauthenticatedLimit: limits.unauthenticatedConnections)
        let server = try Server(
            listeners: [.tls(listener.relinquish(), showing: tls, connections: connections, fronts: front.fronts)],
            observer: front, limits: limits, memory: SharedMemory.secrets, threadCount: threads,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let result: Result<Void, any Error>
        do {
            result = .success(
                try await body(
                    TLSTestServer(
                        server: server, tls: tls, port: port, connections: connections, authority: authority)))
        } catch {
            result = .failure(error)
        }
        _ = await server.drain(within: .zero)
        server.stop()
        try result.get()
    }

    static func context(of pair: TestKeyPair, clientAuthority: TestAuthority? = nil) throws -> TLSContext {
        let memory = try SharedMemory.secrets
        func secret(_ text: String) throws -> Secret { try Secret(Array(text.utf8), in: memory) }
        let chain = try CertificateChain(pem: secret(pair.certificate), memory: memory)
        let key = try PrivateKey(pem: secret(pair.key), password: nil, memory: memory)
        let authorities = try clientAuthority.map {
            AuthorityList(pem: try secret($0.certificate), memory: memory).certificates
        }
        return try TLSContext(CertifiedKey(chain: chain, key: key), clientAuthorities: authorities)
    }

    /// Returns when at most so many connections are open.
    func waitForConnections(_ count: Int) async {
        while self.connections.current > count { await self.turn() }
    }

    /// Returns when the event loops have handled all that has happened to their sockets. Counters are read after it.
    func turn() async {
        for _ in 0..<4 {
            for loop in self.server.loops { await loop.turn() }
        }
    }

    var url: String { "https://localhost:\(self.port)" }

    /// What curl says.
    func curl(
        _ version: CurlCommand.HTTPVersion = .http2, as pair: TestKeyPair? = nil, _ arguments: String...,
        input: String = ""
    ) async throws -> CurlCommand.Outcome {
        let curl = try CurlCommand(version, trusting: self.authority.certificate, as: pair)
        return try await onThread { () throws(TestFailure) in try curl.run(arguments, input: input) }
    }

    /// The text of curl's first answer.
    func ask(
        _ path: String, _ version: CurlCommand.HTTPVersion = .http2, as pair: TestKeyPair? = nil
    ) async throws -> String {
        let outcome = try await self.curl(version, as: pair, self.url + path)
        guard let answer = outcome.answers.first else { throw TestFailure.unusable("no answer: \(outcome.error)") }
        return String(decoding: answer.body, as: UTF8.self)
    }

    /// What `openssl s_client` writes, after it has asked for `/peer` by HTTP/1.1.
    ///
    /// - Parameter folder: where it finds and leaves its files.
    func openSSL(
        _ arguments: [String], as pair: TestKeyPair? = nil, in folder: TemporaryDirectory,
        asking request: String = "GET /peer HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    ) async throws -> String {
        var launch = Launch("/usr/bin/openssl")
        launch.arguments = ["s_client", "-connect", "127.0.0.1:\(self.port)", "-ign_eof"] + arguments
        if let pair {
            try pair.write(to: folder.path, as: "client")
            launch.arguments += ["-cert", "client.crt", "-key", "client.key"]
        }
        launch.environment = Keyside.baseEnvironment
        launch.workingFolder = folder.path
        let (finished, files) = (launch, folder)
        let outcome = try await onThread { () throws(TestFailure) in
            defer { _ = files }
            return try finished.run(input: request)
        }
        return outcome.output + outcome.error
    }
}
