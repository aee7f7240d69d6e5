// SPDX-License-Identifier: Apache-2.0

import ClusterTestSupport
import KeyService
import Testing

@testable import Cluster
@testable import KESBackend

/// Asking a second server where the first takes unusually long.
@Suite(.timeLimit(.minutes(5))) struct HedgingTests {
    /// Enough answers to know what is usual: 1 ms.
    private static func bench(
        _ endpoints: [String] = ["a", "b"], isOn: Bool = true, inFlightMax: Int = 2
    ) async throws -> KESServiceFixture {
        let bench = try KESServiceFixture(
            endpoints,
            {
                $0.isHedging = isOn
                $0.inFlightMax = inFlightMax
            }
        ) { _ in .plaintext }
        for _ in 0..<64 { _ = try await bench.decrypt() }
        return bench
    }

    /// From now on `slow` says nothing, which is the one asked first.
    private static func silenceTheFirst(of bench: KESServiceFixture) -> Journal<String> {
        let first = Journal<String>()
        bench.transport.answer { ask in
            if first.entries.isEmpty { first.note(ask.endpoint) }
            return first.entries.first == ask.endpoint ? .silence : .plaintext
        }
        return first
    }

    @Test("a second server answers where the first does not in the usual time")
    func hedge() async throws {
        let bench = try await Self.bench()
        let first = Self.silenceTheFirst(of: bench)
        async let outcome = bench.outcome()
        await first.wait(for: 1)
        await bench.clock.waitForSleeper(through: .milliseconds(1))
        bench.clock.advance(by: .milliseconds(1))
        let result = await outcome
        #expect(result == .success(Array("key".utf8)))
        #expect(Set(bench.transport.asks.entries.suffix(2).map(\.endpoint)) == ["a", "b"])
        #expect(bench.service.cluster.load == (0, 0))
        #expect(bench.areAllOnline)
    }

    @Test("who answers in time is asked alone")
    func quickAnswer() async throws {
        let bench = try await Self.bench()
        _ = try await bench.decrypt()
        #expect(bench.transport.asks.entries.count == 65)
    }

    @Test("without the setting, or without a second server, nobody is asked twice")
    func off() async throws {
        #expect(try await Self.bench(isOn: false).service.cluster.isHedging == false)
        #expect(try await Self.bench(["a"]).service.cluster.isHedging == false)
    }

    @Test("a refusal is an answer")
    func refusal() async throws {
        let bench = try await Self.bench()
        bench.transport.answer { _ in .message(404, "key does not exist") }
        #expect(await bench.outcome() == .failure(.keyNotFound))
        #expect(bench.transport.asks.entries.count == 65)
    }

    @Test("hedges take no room that others wait for")
    func noRoom() async throws {
        let bench = try await Self.bench(inFlightMax: 1)
        let first = Self.silenceTheFirst(of: bench)
        async let outcome = bench.outcome()
        await first.wait(for: 1)
        await bench.clock.waitForSleeper(through: .milliseconds(1))
        bench.clock.advance(by: .milliseconds(1))
        // Half of the time of a request: then it goes elsewhere by itself.
        bench.clock.advance(by: .seconds(5))
        let result = await outcome
        #expect(result == .success(Array("key".utf8)))
        #expect(bench.transport.asks.entries.count == 66)
    }
}
