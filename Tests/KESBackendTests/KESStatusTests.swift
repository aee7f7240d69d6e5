// SPDX-License-Identifier: Apache-2.0

import ClusterTestSupport
import KeyService
import Telemetry
import TestSupport
import Testing

@testable import Cluster
@testable import KESBackend

/// What is told of the endpoints.
@Suite(.timeLimit(.minutes(5))) struct KESStatusTests {
    private typealias Endpoint = BackendStatus.Endpoint

    @Test("every endpoint is asked, and the truth is told of each")
    func truth() async throws {
        let bench = try KESServiceFixture(["a", "b", "c", "d", "e"]) { ask in
            switch ask.endpoint {
            case "a": .status
            case "b": .message(403, "not authorized: insufficient permissions")
            case "c": .answer(200, #"{"keystore_unreachable":true}"#)
            case "d": .message(500, "x")
            case _: .refused
            }
        }
        let status = await bench.service.status()
        guard case .reachable = status.reachability else { return #expect(status.reachability != .unreachable) }
        #expect(status.endpoints.map(\.address) == ["a", "b", "c", "d", "e"])
        #expect(status.endpoints.map(\.isOnline) == [true, true, false, false, false])
        #expect(status.endpoints.map(\.inFlight) == [0, 0, 0, 0, 0])
        #expect(bench.transport.asks.entries.count == 5)
        #expect(status.endpoints[2].condition == .down(since: .zero, reason: "its key store is not reachable"))
        #expect(status.endpoints[3].condition == .down(since: .zero, reason: "it answers 500"))
        #expect(status.endpoints[4].condition == .down(since: .zero, reason: "no connection: scripted"))
    }

    @Test("down is told with the time since when, whatever has failed since")
    func downSince() async throws {
        let bench = try KESServiceFixture { _ in .refused }
        _ = await bench.service.status()
        bench.clock.advance(by: .seconds(40))
        bench.transport.answer { _ in .message(502, "x") }
        let status = await bench.service.status()
        #expect(status.reachability == .unreachable)
        #expect(
            status.endpoints == [
                Endpoint(address: "a", condition: .down(since: .seconds(40), reason: "it answers 502"))
            ])
    }

    @Test("a server that is back is told to be as soon as somebody asks")
    func back() async throws {
        let bench = try KESServiceFixture { _ in .refused }
        #expect(await bench.service.status().reachability == .unreachable)
        bench.transport.answer { _ in .status }
        #expect(await bench.service.status().reachability != .unreachable)
        #expect(bench.areAllOnline)
    }

    @Test("a server that says nothing keeps nobody waiting for longer than the connect timeout")
    func silence() async throws {
        let bench = try KESServiceFixture(["a", "b"], { $0.connectTimeout = .milliseconds(500) }) {
            $0.endpoint == "a" ? .silence : .status
        }
        async let status = bench.service.status()
        await bench.clock.waitForSleeper(from: .milliseconds(500), through: .milliseconds(500))
        bench.clock.advance(by: .milliseconds(500))
        let endpoints = await status.endpoints
        #expect(endpoints.map(\.isOnline) == [false, true])
    }

    @Test("before anybody has answered, nobody is reachable")
    func unknown() throws {
        let bench = try KESServiceFixture { _ in .status }
        #expect(bench.service.cluster.knownStatus.reachability == .unreachable)
    }

    @Test func metrics() async throws {
        let bench = try KESServiceFixture(["https://a:1", "https://b:1"]) { ask in
            .after(.milliseconds(1), ask.endpoint == "https://a:1" ? .refused : .status)
        }
        async let status = bench.service.status()
        while bench.clock.serverCount < 2 { await Task.yield() }
        bench.clock.advance(by: .milliseconds(1))
        _ = await status
        bench.transport.answer { _ in .plaintext }
        _ = try await bench.decrypt()
        bench.transport.answer { _ in .message(404, "key does not exist") }
        await #expect(throws: KeyServiceError.keyNotFound) { try await bench.decrypt() }
        var text = MetricsText()
        bench.service.writeMetrics(to: &text)
        let metrics = try PrometheusText(text.text)
        func count(_ endpoint: String, _ operation: String, _ outcome: String) -> Double? {
            metrics.value(
                "keyside_upstream_requests_total",
                ["endpoint": endpoint, "operation": operation, "outcome": outcome])
        }
        #expect(count("https://a:1", "status", "unreachable") == 1)
        #expect(count("https://b:1", "status", "succeeded") == 1)
        #expect(count("https://b:1", "decrypt", "succeeded") == 1)
        #expect(count("https://b:1", "decrypt", "refused") == 1)
        #expect(metrics["keyside_upstream_requests_total"]?.samples.count == 4)
        #expect(metrics.value("keyside_upstream_up", ["endpoint": "https://a:1"]) == 0)
        #expect(metrics.value("keyside_upstream_up", ["endpoint": "https://b:1"]) == 1)
        #expect(metrics.value("keyside_upstream_in_flight", ["endpoint": "https://b:1"]) == 0)
        #expect(metrics["keyside_upstream_request_duration_seconds"]?.histograms.count == 2)
    }
}
