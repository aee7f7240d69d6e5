// SPDX-License-Identifier: Apache-2.0

import HTTPServer
import KESProtocol
import KeyService
import LockedMemory
import ServerTestSupport
import Telemetry
import TestSupport
import Testing

@testable import AdminAPI

/// What is counted, and how Prometheus and KES's own client read it.
@Suite(.timeLimit(.minutes(5))) struct MetricsTests {
    private static let kesFamilies: Set<String> = [
        "kes_http_request_success", "kes_http_request_error", "kes_http_request_failure", "kes_http_request_active",
        "kes_http_response_time", "kes_log_error_events", "kes_log_audit_events", "kes_system_up_time",
        "kes_system_num_cpu", "kes_system_num_cpu_used", "kes_system_num_threads", "kes_system_mem_heap_used",
        "kes_system_mem_heap_objects", "kes_system_mem_stack_used",
    ]
    private static let countedByCode: Set<String> = [
        "kes_http_request_success", "kes_http_request_error", "kes_http_request_failure",
    ]

    private static func read(_ bench: KESServiceFixture, _ path: String) async throws -> PrometheusText {
        let answer = try await bench.ask(request("GET", path))
        #expect(answer.status == 200)
        #expect(answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8")
        return try PrometheusText(answer.text)
    }

    /// Some of everything, on one connection.
    private static func makeTraffic(_ bench: KESServiceFixture) async throws {
        let client = try await bench.connect().client
        let good = post("/v1/key/generate/my-key", "{}")
        let missing = post("/v1/key/generate/no-key", "{}")
        let requests =
            [good, good, good, missing, missing, post("/v1/key/decrypt/my-key", "{"), request("GET", "/version")]
            + [request("GET", "/no-such-path"), request("GET", "/v1/ready")]
        try await client.send(requests.joined())
        _ = try await client.receive(requests.count)
        bench.service.fail(with: .unavailable)
        try await client.send(request("GET", "/v1/key/list/") + "nonsense\r\n")
        #expect(try await client.receiveAnswersToEnd().map(\.status) == [502, 400])
        bench.service.fail(with: nil)
    }

    // MARK: KES's own

    @Test("KES's client can read its metrics before and after requests", arguments: [false, true])
    func kesFamilies(hasTraffic: Bool) async throws {
        let bench = try KESServiceFixture()
        if hasTraffic { try await Self.makeTraffic(bench) }
        let metrics = try await Self.read(bench, "/v1/metrics")
        let names = Set(metrics.families.map(\.name))
        #expect(names == (hasTraffic ? Self.kesFamilies : Self.kesFamilies.subtracting(Self.countedByCode)))
        for family in metrics.families {
            if Self.countedByCode.contains(family.name) {
                #expect(family.samples.allSatisfy { Set($0.labels.keys) == ["code"] })
            } else if family.type == "histogram" {
                #expect(family.histograms.count == 1)
                #expect(family.histograms[[:]]?.compactMap { $0.labels["le"] } == Self.responseTimeBounds)
            } else {
                #expect(family.samples.count == 1)
                #expect(family.samples.first?.labels == [:])
            }
            #expect(family.type == Self.type(of: family.name))
        }
    }

    private static let responseTimeBounds = ["0.01", "0.05", "0.1", "0.25", "0.5", "1", "1.5", "3", "5", "10", "+Inf"]

    private static func type(of name: String) -> String {
        switch name {
        case "kes_http_request_active": "gauge"
        case "kes_http_response_time": "histogram"
        case _: name.hasPrefix("kes_system_") ? "gauge" : "counter"
        }
    }

    @Test func kesCountsKeyOperationsAlone() async throws {
        let bench = try KESServiceFixture()
        try await Self.makeTraffic(bench)
        let metrics = try await Self.read(bench, "/v1/metrics")
        #expect(metrics["kes_http_request_success"]?.samples.map(\.labels) == [["code": "200"]])
        #expect(metrics.value("kes_http_request_success", ["code": "200"]) == 3)
        #expect(metrics["kes_http_request_error"]?.samples.map(\.labels) == [["code": "400"], ["code": "404"]])
        #expect(metrics.value("kes_http_request_error", ["code": "400"]) == 1)
        #expect(metrics.value("kes_http_request_error", ["code": "404"]) == 2)
        #expect(metrics.value("kes_http_request_failure", ["code": "502"]) == 1)
        #expect(metrics["kes_http_response_time"]?.samples.last?.value == 7)
    }

    @Test func theSystemIsThatOfThisProcess() async throws {
        let metrics = try await Self.read(try KESServiceFixture(), "/v1/metrics")
        for name in ["num_cpu", "num_cpu_used", "num_threads", "mem_heap_used", "mem_stack_used"] {
            #expect(try #require(metrics.value("kes_system_\(name)")) >= 1)
        }
        #expect(try #require(metrics.value("kes_system_up_time")) >= 0)
    }

    /// Requests with the names that the key service notes them by.
    private static let operations: [(name: String, request: String)] = [
        ("generate", post("/v1/key/generate/my-key", "{}")),
        ("decrypt", post("/v1/key/decrypt/my-key", #"{"ciphertext":"Bm15LWtleQJ7fRsaGQ==","context":"e30="}"#)),
        ("encrypt", post("/v1/key/encrypt/my-key", #"{"plaintext":"QUBD"}"#)),
        ("hmac", put("/v1/key/hmac/my-key", #"{"message":"QUBD"}"#)),
        ("describe", request("GET", "/v1/key/describe/my-key")), ("list", request("GET", "/v1/key/list/")),
        ("create", request("POST", "/v1/key/create/new")), ("delete", request("DELETE", "/v1/key/delete/my-key")),
    ]

    @Test("requests whose answer is awaited are active", arguments: [1, 3, 8])
    func active(count: Int) async throws {
        let bench = try KESServiceFixture()
        bench.service.hold()
        var clients: [RawClient] = []
        for index in 0..<count {
            let client = try await bench.connect().client
            try await client.send(Self.operations[index].request)
            clients.append(client)
        }
        for operation in Self.operations.prefix(count) { await bench.service.journal.wait(for: operation.name) }
        #expect(try await Self.read(bench, "/v1/metrics").value("kes_http_request_active") == Double(count))
        bench.service.release()
        for client in clients { _ = try await client.receive() }
        #expect(try await Self.read(bench, "/v1/metrics").value("kes_http_request_active") == 0)
    }

    @Test func aRequestWhoseClientHasGoneIsNotActiveForEver() async throws {
        let bench = try KESServiceFixture()
        bench.service.hold()
        let connection = try await bench.connect()
        try await connection.client.send(Self.operations[0].request)
        await bench.service.journal.wait(for: "generate")
        connection.client.leave()
        try await connection.waitUntilClosed()
        bench.service.release()
        while try await Self.read(bench, "/v1/metrics").value("kes_http_request_active") != 0 { await Task.yield() }
    }

    // MARK: Everything

    @Test func allMetricsHaveKESsAndOurs() async throws {
        let bench = try KESServiceFixture()
        try await Self.makeTraffic(bench)
        let metrics = try await Self.read(bench, "/metrics")
        let names = Set(metrics.families.map(\.name))
        #expect(names.isSuperset(of: Self.kesFamilies))
        #expect(
            names.subtracting(Self.kesFamilies) == [
                "keyside_requests_total", "keyside_request_duration_seconds", "keyside_connections",
                "keyside_denied_total", "keyside_locked_memory_bytes", "keyside_locked_memory_used_bytes",
                "keyside_memory_overflow_bytes", "keyside_refused_allocations_total", "keyside_build_info",
                "process_cpu_seconds_total",
                "process_resident_memory_bytes", "process_virtual_memory_bytes", "process_open_fds", "process_max_fds",
                "process_start_time_seconds", "process_threads",
            ]
        )
        #expect(metrics.value("keyside_build_info", ["version": "1.2.3"]) == 1)
        #expect(metrics.value("keyside_connections", ["listener": "unix"]) == 0)
        #expect(metrics.value("keyside_denied_total", ["reason": "connections"]) == 0)
        #expect(metrics.value("keyside_locked_memory_bytes") == Double(bench.memory.lockedByteCount))
        #expect(try #require(metrics.value("process_start_time_seconds")) > 1_750_000_000)
        #expect(try #require(metrics.value("process_cpu_seconds_total")) > 0)
    }

    @Test func everyAnswerIsCountedOnce() async throws {
        let bench = try KESServiceFixture()
        try await Self.makeTraffic(bench)
        let metrics = try await Self.read(bench, "/metrics")
        let requests = try #require(metrics["keyside_requests_total"])
        let expected: [(String, String, Double)] = [
            ("generate", "200", 3), ("generate", "404", 2), ("decrypt", "400", 1), ("version", "200", 1),
            ("none", "404", 1), ("none", "400", 1), ("ready", "200", 1), ("list", "502", 1),
        ]
        for (operation, status, count) in expected {
            let labels = ["operation": operation, "status": status, "listener": "unix"]
            #expect(metrics.value("keyside_requests_total", labels) == count, "\(labels)")
        }
        #expect(requests.samples.count == expected.count)

        let durations = try #require(metrics["keyside_request_duration_seconds"]).histograms
        for (operation, samples) in Dictionary(grouping: requests.samples, by: { $0.labels["operation"] ?? "" }) {
            let histogram = try #require(durations[["operation": operation, "cache": "bypass"]])
            #expect(histogram.last?.value == samples.reduce(0) { $0 + $1.value }, "\(operation)")
        }
        #expect(durations.count == 6)
    }

    @Test func connectionsAreCountedWhileTheyAreOpen() async throws {
        let bench = try KESServiceFixture()
        try await TestServer.run(bench.fronts, observer: bench.requestMetrics, connections: bench.connections) {
            server in
            let clients = [try server.client(), try server.client(), try server.client()]
            for client in clients {
                try await client.send(request("GET", "/version"))
                _ = try await client.receive()
            }
            try await clients[0].send(request("GET", "/metrics"))
            let metrics = try PrometheusText(try await clients[0].receive().text)
            #expect(metrics.value("keyside_connections", ["listener": "unix"]) == 3)
        }
        #expect(bench.connections.current == 0)
    }

    // MARK: Parts

    @Test func aHistogramCountsUpToItsBoundsAndBeyond() {
        let histogram = Histogram()
        for nanoseconds in [0, 5_000, 5_001, 10_000_000_000, 10_000_000_001] {
            histogram.record(nanoseconds: nanoseconds)
        }
        let snapshot = histogram.snapshot()
        #expect(snapshot.count == 5)
        #expect(snapshot.sumNanoseconds == 20_000_010_002)
        #expect(snapshot.cumulativeCount(upTo: 5_000) == 2)
        #expect(snapshot.cumulativeCount(upTo: 10_000) == 3)
        #expect(snapshot.cumulativeCount(upTo: 5_000_000_000) == 3)
        #expect(snapshot.cumulativeCount(upTo: 10_000_000_000) == 4)
        var sum = snapshot
        sum += snapshot
        #expect(sum.count == 10)
        #expect(sum.cumulativeCount(upTo: 5_000) == 4)
        #expect(zip(Histogram.bounds, Histogram.bounds.dropFirst()).allSatisfy { $0 < $1 })
    }

    @Test(
        "numbers are written as Prometheus' own libraries write them",
        arguments: [
            (0, "0"), (1, "1"), (-3, "-3"), (0.25, "0.25"), (5e-06, "5e-06"), (1_767_323_045, "1767323045"),
            (9_007_199_254_740_992, "9007199254740992.0"),
        ] as [(Double, String)]
    )
    func numbers(value: Double, text: String) {
        var metrics = MetricsText()
        metrics.family("x", .gauge, "X.", value)
        #expect(metrics.text == "# HELP x X.\n# TYPE x gauge\nx \(text)\n")
    }

    @Test func aFamilyWithoutSamplesIsLeftOut() {
        var metrics = MetricsText()
        metrics.family("x", .counter, "X.", [])
        metrics.histogram("y", "Y.", bounds: Histogram.bounds, [])
        #expect(metrics.text.isEmpty)
    }
}
