// SPDX-License-Identifier: Apache-2.0

import ClusterTestSupport
import CurlTransport
import KeyService
import LockedMemory
import TestSupport
import Testing

@testable import Cluster

/// A cluster whose servers speak a protocol that it has never heard of.
@Suite(.timeLimit(.minutes(5))) struct TinyBackendTests {
    private struct Bench {
        let transport: ScriptedTransport
        let client: ClusterClient
        let notices = Journal<ClusterNotice>()
        let memory: SecretMemory

        init(
            _ addresses: [String], _ rule: @escaping @Sendable (ScriptedTransport.Ask) -> ScriptedTransport.Reaction
        ) throws {
            let clock = ManualClock()
            self.transport = ScriptedTransport(clock: clock, rule)
            self.memory = try SharedMemory.secrets
            let notices = self.notices
            self.client = ClusterClient(
                addresses: addresses, backend: TinyBackend(), transport: self.transport, memory: self.memory,
                clock: clock, seed: 1, report: { notices.note($0) })
        }

        func key(_ name: String = "k") async throws -> String {
            String(decoding: try await self.client.tinyKey(name, memory: self.memory).array, as: UTF8.self)
        }
    }

    @Test("a request and its answer are the backend's to say")
    func operation() async throws {
        let bench = try Bench(["a"]) { _ in .answer(200, "key open sesame") }
        #expect(try await bench.key("door") == "open sesame")
        let ask = try #require(bench.transport.asks.entries.first)
        #expect((ask.method, ask.path, ask.contentType) == ("GET", "/generate?door", "text/plain"))
        #expect(ask.isRepeatable)
    }

    @Test("a fault of one server is found out, told, and repeated at another")
    func fault() async throws {
        let bench = try Bench(["a", "b"]) { $0.endpoint == "a" ? .answer(200, "busy") : .answer(200, "key x") }
        for _ in 0..<20 { #expect(try await bench.key() == "x") }
        #expect(bench.client.knownStatus.endpoints.map(\.isOnline) == [false, true])
        #expect(bench.notices.entries == [.endpointDown(address: "a", .status(200), isRepeated: false)])
    }

    @Test("a refusal ends the request, an answer that cannot be read is told of")
    func refusals() async throws {
        let bench = try Bench(["a", "b"]) { _ in .answer(404, "none") }
        await #expect(throws: KeyServiceError.keyNotFound) { try await bench.key() }
        #expect(bench.transport.asks.entries.count == 1)
        bench.transport.answer { _ in .answer(200, "") }
        await #expect(throws: KeyServiceError.internalFailure) { try await bench.key() }
        #expect(
            Set(bench.notices.entries.map { "\($0)" })
                == Set(
                    ["a", "b"]
                        .map {
                            "\(ClusterNotice.unusableAnswer(address: $0, .generateKey, reason: "no key"))"
                        }))
    }

    @Test("probes are the backend's too")
    func probes() async throws {
        let bench = try Bench(["a", "b", "c"]) { ask in
            switch ask.endpoint {
            case "a": .answer(200, "well")
            case "b": .answer(200, "locked")
            case _: .failure(.refused, wasSent: false)
            }
        }
        let status = await bench.client.status()
        #expect(status.endpoints.map(\.isOnline) == [true, false, false])
        #expect(Set(bench.transport.asks.entries.map(\.path)) == ["/ready?"])
        #expect(bench.client.metrics.count(.ready, at: 2, .unreachable) == 1)
    }
}
