// SPDX-License-Identifier: Apache-2.0

import TestSupport

/// A running agent that listens by TLS too, on a port that the kernel has chosen.
struct TLSAgent: Sendable {
    let agent: AgentProcess
    let port: UInt16
    /// Whom clients trust, PEM.
    let authority: String

    init(_ agent: AgentProcess, trusting authority: String) throws {
        let listeners = try agent.ask(.get("/v1/status")).json["keyside"]["listeners"]
        guard listeners[1]["name"].string == "tls", let address = listeners[1]["address"].string,
            let port = address.split(separator: ":").last.flatMap({ UInt16($0) })
        else {
            throw TestFailure.unusable("the agent does not listen by TLS: \(try agent.log)")
        }
        self.agent = agent
        self.port = port
        self.authority = authority
    }

    var url: String { "https://127.0.0.1:\(self.port)" }

    /// Waits until the agent counts `count` connections by TLS.
    func wait(forConnections count: Int) throws {
        try self.agent.wait(for: "\(count) connections by TLS") {
            try self.agent.metrics.value("keyside_connections", ["listener": "tls"]) == Double(count)
        }
    }

    /// Waits until the agent counts no connection but that of whoever asks.
    func waitUntilNobodyIsConnected() throws {
        try self.wait(forConnections: 0)
        try self.agent.wait(forConnections: 1, askingOn: try self.agent.connect())
    }

    /// What curl is answered on a connection of its own. A body is sent by POST.
    func ask(
        _ path: String, _ body: String? = nil, _ version: CurlCommand.HTTPVersion = .http2, as pair: TestKeyPair? = nil,
        method: String? = nil
    ) throws -> HTTPAnswer {
        var arguments = [self.url + path]
        if body != nil { arguments += ["--data-binary", "@-"] }
        if let method { arguments += ["--request", method] }
        let outcome = try CurlCommand(version, trusting: self.authority, as: pair).run(arguments, input: body ?? "")
        guard let answer = outcome.answers.first else { throw TestFailure.unusable("no answer: \(outcome.error)") }
        return answer
    }
}

/// Certificates for an agent, in a folder, and settings that let one client in.
struct TLSFiles {
    let folder: TemporaryDirectory
    let authority: TestAuthority
    let client: TestKeyPair
    let config: String

    init(_ way: FileReplacement = .renamedOver) throws {
        self.folder = try TemporaryDirectory()
        self.authority = try TestAuthority()
        self.client = try self.authority.issueClient()
        try way.prepare(Self.files(try self.authority.issueServer()), in: self.folder)
        self.config = try self.folder.write(
            """
            policy:
              store:
                allow: ["/v1/key/*", /metrics]
                deny: [/v1/key/generate/secret-key]
                identities: [\(self.client.identity)]
            """, to: "config.yaml")
    }

    static func files(_ pair: TestKeyPair) -> [FileReplacement.File] {
        [("server.crt", pair.certificate), ("server.key", pair.key)]
    }

    /// Behind `keyside run`.
    func arguments(listen address: String = "127.0.0.1:0") -> [String] {
        [
            "--config", self.config, "--tls-listen", address, "--tls-cert", self.folder("server.crt"), "--tls-key",
            self.folder("server.key"),
        ]
    }

    func withAgent(
        _ configure: (inout AgentSetup) throws -> Void = { _ in }, body: (TLSAgent) throws -> Void
    ) throws {
        try TestSupport.withAgent {
            $0.arguments = self.arguments()
            try configure(&$0)
        } body: {
            try body(try TLSAgent($0, trusting: self.authority.certificate))
        }
    }
}
