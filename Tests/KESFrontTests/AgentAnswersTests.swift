// SPDX-License-Identifier: Apache-2.0

import AdminProtocol
import ByteCoding
import HTTPServer
import KESProtocol
import KeyService
import LockedMemory
import ServerTestSupport
import Testing

@testable import KESFront

/// What the agent tells of itself.
@Suite(.timeLimit(.minutes(5))) struct AgentAnswersTests {
    @Test func theVersion() async throws {
        let answer = try await KESServiceFixture().ask(request("GET", "/version"))
        #expect(answer.status == 200)
        #expect(answer["Content-Type"] == "application/json")
        #expect(answer.text == #"{"version":"1.2.3","commit":"\u003cunknown\u003e"}"# + "\n")
    }

    @Test func theAPI() async throws {
        let answer = try await KESServiceFixture().ask(request("GET", "/v1/api"))
        let rows = try KESAnswer.API(decoding: answer.body.span).rows
        #expect(rows == KESAnswer.API().rows)
        #expect(rows.count == 14)
        let generate = try #require(rows.first { $0.path == "/v1/key/generate/" })
        #expect(generate.method == "PUT")
        #expect(generate.bodyByteCountMax == 1_000_000)
        #expect(generate.timeout == .seconds(15))
        #expect(answer.text.hasSuffix("]\n"))
    }

    // MARK: Ready

    @Test func aBackendThatAnswersMakesReady() async throws {
        let answer = try await KESServiceFixture().ask(request("GET", "/v1/ready"))
        #expect(answer.status == 200)
        #expect(answer["Content-Length"] == "0")
        #expect(answer["Content-Type"] == nil)
    }

    @Test func aBackendThatNobodyReachesDoesNot() async throws {
        let bench = try KESServiceFixture()
        bench.service.disconnect()
        let answer = try await bench.ask(request("GET", "/v1/ready"))
        #expect(answer.status == 504)
        #expect(answer.text == "{\"message\":\"key store is not reachable\"\n}")
    }

    @Test("who asks whether the agent is ready waits for the backend", arguments: ["/v1/ready", "/v1/status"])
    func waits(path: String) async throws {
        let bench = try KESServiceFixture()
        bench.service.hold()
        let client = try await bench.connect().client
        try await client.send(request("GET", path))
        await bench.service.journal.wait(for: "status")
        #expect(try await bench.ask(request("GET", "/version")).status == 200)
        bench.service.release()
        #expect(try await client.receive().status == 200)
    }

    // MARK: Status

    @Test func theStatusOfAReachableBackend() async throws {
        let bench = try KESServiceFixture()
        let answer = try await bench.ask(request("GET", "/v1/status"))
        let status = try KESAnswer.Status(decoding: answer.body.span)
        #expect(status.version == "1.2.3")
        #expect(status.operatingSystem == "linux")
        #expect(["amd64", "arm64"].contains(status.architecture))
        #expect(status.processorCount >= status.usableProcessorCount)
        #expect(status.usableProcessorCount >= 1)
        #expect(status.heapByteCount > 0)
        #expect(status.stackByteCount > 0)
        #expect(status.keyStore == .reachable(latency: .milliseconds(7)))
        #expect(answer.text.contains(#""keystore_latency":7,"#))
        #expect(!answer.text.contains("keystore_un"))

        let agent = try #require(try Self.agent(in: answer))
        #expect(agent.state == "ready")
        #expect(agent.commit == "<unknown>")
        #expect(agent.backend.kind == "scripted")
        #expect(agent.backend.key == "my-key")
        #expect(agent.backend.isReachable)
        #expect(agent.backend.endpoints == [.init(address: "https://kes-1:7373", isOnline: true)])
        #expect(agent.listeners == [.init(name: "unix", address: "/run/test.sock", connections: 0, refused: 0)])
        #expect(agent.memory.lockedByteCount == bench.memory.lockedByteCount)
        #expect(agent.memory.slotsInUse == 0)
        #expect(agent.requests == AgentStatus().requests)
    }

    @Test func theStatusOfABackendThatNobodyReaches() async throws {
        let bench = try KESServiceFixture()
        bench.service.disconnect()
        let answer = try await bench.ask(request("GET", "/v1/status"))
        #expect(answer.status == 200)
        // KES's client refuses either of the two without the other.
        #expect(answer.text.contains(#""keystore_unavailable":true,"keystore_unreachable":true"#))
        #expect(!answer.text.contains("keystore_latency"))
        #expect(try KESAnswer.Status(decoding: answer.body.span).keyStore == .unreachable)
        let agent = try #require(try Self.agent(in: answer))
        #expect(agent.state == "unavailable")
        #expect(!agent.backend.isReachable)
        var endpoint = AgentStatus.Endpoint(address: "https://kes-1:7373", isOnline: false)
        endpoint.downSeconds = 90
        endpoint.reason = "no connection"
        #expect(agent.backend.endpoints == [endpoint])
    }

    @Test func theStatusCountsKeyOperationsByWhatBecameOfThem() async throws {
        let bench = try KESServiceFixture()
        let client = try await bench.connect().client
        let good = post("/v1/key/generate/my-key", "{}")
        try await client.send(
            good + good + post("/v1/key/generate/no-key", "{}") + request("GET", "/version")
                + request("GET", "/nowhere")
        )
        _ = try await client.receive(5)
        bench.service.fail(with: .internalFailure)
        try await client.send(good + good + good + request("GET", "/v1/status"))
        let answers = try await client.receive(4)
        let agent = try #require(try Self.agent(in: answers[3]))
        #expect(agent.requests.succeeded == 2)
        #expect(agent.requests.refused == 1)
        #expect(agent.requests.failed == 3)
    }

    private static func agent(in answer: Answer) throws -> AgentStatus? {
        guard let fragment = try KESAnswer.Status(decoding: answer.body.span).keyside else { return nil }
        return try AgentStatus(decoding: fragment.bytes.span)
    }
}
