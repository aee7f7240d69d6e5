// SPDX-License-Identifier: Apache-2.0

import FakeKES
import TestSupport

/// Fake KES servers that are one cluster to their clients, in this process.
struct KESCluster: Sendable {
    let servers: [FakeKES]
    let credentials: Credentials
    /// Holds the credentials: `ca`, `client` as `.crt` and `.key`.
    let folder: TemporaryDirectory

    /// The first, and often the only one.
    var server: FakeKES { self.servers[0] }

    static func start(serverCount: Int = 1, _ configure: (inout FakeKES.Setup) -> Void = { _ in }) async throws
        -> KESCluster
    {
        var setup = FakeKES.Setup()
        configure(&setup)
        let credentials = try setup.credentials ?? Credentials()
        setup.credentials = credentials
        let folder = try TemporaryDirectory()
        try credentials.write(to: folder.path)
        var servers: [FakeKES] = []
        for _ in 0..<serverCount { servers.append(try await FakeKES.start(setup)) }
        return KESCluster(servers: servers, credentials: credentials, folder: folder)
    }

    func stop() async { for server in self.servers { await server.stop() } }

    /// The variables of an agent in front of it.
    func environment(_ proof: Credentials.Proof = .apiKey) -> [String: String] {
        self.credentials.environment(
            endpoints: self.servers.map(\.endpoint).joined(separator: ","), folder: self.folder.path, proof: proof)
    }

    /// What a client of the first server is told that asks it directly.
    func askDirectly(_ request: HTTPRequest, _ proof: Credentials.Proof = .apiKey) throws -> HTTPAnswer {
        let curl = try CurlCommand(
            trusting: self.credentials.authority.certificate,
            as: proof == .apiKey ? self.credentials.apiKey.pair : self.credentials.client)
        var arguments = ["--request", request.method, "--globoff", self.server.endpoint + request.target]
        var input = ""
        if case .fixed(let body) = request.body {
            arguments += ["--data-binary", "@-"]
            input = String(decoding: body, as: UTF8.self)
        }
        let outcome = try curl.run(arguments, input: input)
        guard outcome.answers.count == 1 else { throw TestFailure.unusable("curl: \(outcome.error)") }
        return outcome.answers[0]
    }
}

/// Starts a cluster for the time of `body`, which may block.
func withCluster(
    of serverCount: Int = 1, _ configure: (inout FakeKES.Setup) -> Void = { _ in },
    body: (KESCluster) async throws -> Void
) async throws {
    try await blocking {
        let cluster = try await KESCluster.start(serverCount: serverCount, configure)
        do {
            try await body(cluster)
        } catch {
            await cluster.stop()
            throw error
        }
        await cluster.stop()
    }
}

/// Starts a cluster and an agent in front of it for the time of `body`, which may block.
///
/// - Parameter configure: is given how the agent is to be started on the cluster.
func withKESAgent(
    servers serverCount: Int = 1, _ configure: (inout AgentSetup, KESCluster) throws -> Void = { _, _ in },
    body: (AgentProcess, KESCluster) async throws -> Void
) async throws {
    try await withCluster(of: serverCount) { cluster in
        var setup = AgentSetup()
        setup.environment = cluster.environment()
        try configure(&setup, cluster)
        let agent = try AgentProcess(setup)
        defer { agent.process.kill() }
        try await body(agent, cluster)
    }
}

extension Credentials {
    func identity(of proof: Proof) -> String {
        switch proof {
        case .apiKey: self.apiKey.identity
        case .certificate: self.client.identity
        }
    }
}
