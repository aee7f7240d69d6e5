// SPDX-License-Identifier: Apache-2.0

import FakeKES
import TestSupport
import Testing

/// A client of one server, by the `curl` command.
struct Client {
    let server: FakeKES
    private let curl: CurlCommand

    /// - Parameter pair: nil: the administrator.
    init(
        _ server: FakeKES, _ httpVersion: CurlCommand.HTTPVersion = .http11, as pair: TestKeyPair? = nil
    ) throws {
        self.server = server
        self.curl = try CurlCommand(
            httpVersion, trusting: server.credentials.authority.certificate, as: pair ?? server.credentials.client)
    }

    func run(_ arguments: [String], input: String = "") throws -> CurlCommand.Outcome {
        try self.curl.run(
            arguments.map { $0.hasPrefix("/") ? self.server.endpoint + $0 : $0 }, input: input)
    }

    /// Asks one question, which is to be answered.
    func ask(
        _ method: String = "GET", _ path: String, _ body: String? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> HTTPAnswer {
        let outcome = try self.run(
            ["--request", method, path] + (body.map { ["--data-binary", $0] } ?? []))
        return try #require(
            outcome.answers.count == 1 ? outcome.answers[0] : nil, "\(outcome)", sourceLocation: sourceLocation)
    }

    /// Asks for a data key: as good a question as any.
    func generate() throws -> CurlCommand.Outcome {
        try self.run(["--data-binary", "{}", "/v1/key/generate/my-key"])
    }
}

/// Starts a server for the time of `body`.
func withServer<Result>(
    _ configure: (inout FakeKES.Setup) -> Void = { _ in }, body: (FakeKES) async throws -> Result
) async throws -> Result {
    var setup = FakeKES.Setup()
    configure(&setup)
    let server = try await FakeKES.start(setup)
    do {
        let result = try await body(server)
        await server.stop()
        return result
    } catch {
        await server.stop()
        throw error
    }
}
