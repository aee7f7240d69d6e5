// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// `/v1/metrics` for KES's own client, which fails on what it does not expect, and `/metrics` for everybody else.
@Suite struct MetricsTests {
    private static let kesRequestFamilies: Set = [
        "kes_http_request_success", "kes_http_request_error", "kes_http_request_failure",
    ]
    private static let kesFamilies: Set = Self.kesRequestFamilies.union([
        "kes_http_request_active", "kes_http_response_time", "kes_log_error_events", "kes_log_audit_events",
        "kes_system_up_time", "kes_system_num_cpu", "kes_system_num_cpu_used", "kes_system_num_threads",
        "kes_system_mem_heap_used", "kes_system_mem_heap_objects", "kes_system_mem_stack_used",
    ])
    private static let ownFamilies: Set = [
        "keyside_requests_total", "keyside_request_duration_seconds", "keyside_connections", "keyside_denied_total",
        "keyside_locked_memory_bytes", "keyside_log_dropped_total", "keyside_build_info",
    ]

    private func metrics(_ agent: AgentProcess, at path: String = "/v1/metrics") throws -> PrometheusText {
        let answer = try agent.ask(.get(path))
        #expect(answer.status == 200)
        #expect(answer["Content-Type"]?.hasPrefix("text/plain; version=0.0.4") == true)
        return try PrometheusText(answer.text)
    }

    @Test(arguments: [false, true])
    func kessClientCanReadThePage(afterUse: Bool) throws {
        try withAgent { agent in
            if afterUse {
                for request in [HTTPRequest.generate(), .generate("other"), .encrypt(plaintext: [1])] {
                    _ = try agent.ask(request)
                }
            }
            let metrics = try self.metrics(agent)
            // A counter that never counted is left out: an empty family is an error to the client.
            let expected = Self.kesFamilies.subtracting(afterUse ? [] : Self.kesRequestFamilies)
            #expect(Set(metrics.families.map(\.name)) == expected)
            for family in metrics.families where !Self.kesRequestFamilies.contains(family.name) {
                #expect(Array(family.histograms.keys) == [[:]], "\(family.name) has labels")
            }
        }
    }

    @Test func keyOperationsAreCountedByWhatBecameOfThem() throws {
        try withAgent { agent in
            let requests =
                (0..<5).map { _ in HTTPRequest.generate() } + (0..<3).map { _ in .generate("other") }
                + (0..<2).map { _ in .encrypt(plaintext: [1]) } + [.post("/v1/key/generate/my-key", "[]")]
            for request in requests { _ = try agent.ask(request) }
            // These are not key operations.
            for path in ["/version", "/v1/status", "/v1/ready", "/nowhere"] { _ = try agent.ask(.get(path)) }

            let metrics = try self.metrics(agent)
            #expect(metrics.value("kes_http_request_success", ["code": "200"]) == 5)
            #expect(metrics.value("kes_http_request_error", ["code": "404"]) == 3)
            #expect(metrics.value("kes_http_request_error", ["code": "400"]) == 1)
            #expect(metrics.value("kes_http_request_failure", ["code": "501"]) == 2)
            #expect(metrics["kes_http_response_time"]?.samples.last?.value == 11)
        }
    }

    @Test func theAgentsOwnFamiliesStandBesideKESs() throws {
        try withAgent { agent in
            let connection = try agent.connect()
            for _ in 0..<7 { _ = try connection.ask(.generate()) }
            _ = try connection.ask(.generate("other"))
            connection.close()
            let metrics = try self.metrics(agent, at: "/metrics")
            let names = Set(metrics.families.map(\.name))
            #expect(names.isSuperset(of: Self.ownFamilies))
            #expect(names.isSuperset(of: Self.kesFamilies.subtracting(["kes_http_request_failure"])))
            #expect(names.allSatisfy { name in ["kes_", "keyside_", "process_"].contains { name.hasPrefix($0) } })

            let operation = ["operation": "generate", "listener": "unix"]
            #expect(metrics.value("keyside_requests_total", operation.merging(["status": "200"]) { $1 }) == 7)
            #expect(metrics.value("keyside_requests_total", operation.merging(["status": "404"]) { $1 }) == 1)
            let durations = metrics["keyside_request_duration_seconds"]?.histograms
            #expect(durations?[["operation": "generate", "cache": "bypass"]]?.last?.value == 8)
            let version = try agent.ask(.get("/version")).json["version"].string
            #expect(metrics["keyside_build_info"]?.samples.map { $0.labels["version"] } == [version])
        }
    }

    @Test func theProcessIsTheAgents() throws {
        try withAgent { agent in
            let metrics = try self.metrics(agent, at: "/metrics")
            let locked = try agent.ask(.get("/v1/status")).json["keyside"]["memory"]["locked_bytes"].integer
            #expect(metrics.value("keyside_locked_memory_bytes") == locked.map(Double.init))
            #expect(try #require(metrics.value("process_resident_memory_bytes")) > 1_000_000)
            #expect(try #require(metrics.value("process_cpu_seconds_total")) > 0)
            let limits = try text(of: "/proc/\(agent.process.processID)/limits").split(separator: "\n")
            let files = try #require(limits.first { $0.hasPrefix("Max open files") }).split(separator: " ")
            #expect(metrics.value("process_max_fds") == Double(files[3]))
            let open = try #require(metrics.value("process_open_fds"))
            #expect(open > 3 && open < 100)
        }
    }

    @Test func connectionsThatAreTooManyAreCounted() throws {
        try withAgent {
            $0.environment["KEYSIDE_LIMITS_CONNECTIONS"] = "2"
        } body: { agent in
            let (first, second) = (try agent.connect(), try agent.connect())
            #expect(try first.ask(.generate()).isDataKey)
            #expect(try second.ask(.generate()).isDataKey)
            for _ in 0..<3 { #expect(try agent.connect().receiveAnswer().status == 503) }
            let metrics = try PrometheusText(try first.ask(.get("/metrics")).text)
            #expect(metrics.value("keyside_connections", ["listener": "unix"]) == 2)
            #expect(metrics.value("keyside_denied_total", ["reason": "connections"]) == 3)
        }
    }

    /// A client must not be able to make labels.
    @Test func whatClientsSayMakesNoLabels() throws {
        try withAgent { agent in
            for path in ["/evil-path", "/v1/key/generate/evil-name", "/v1/key/evil/x"] {
                _ = try agent.ask(HTTPRequest("EVIL", path))
                _ = try agent.ask(.post(path, "{}"))
            }
            #expect(!(try agent.ask(.get("/metrics")).text.lowercased().contains("evil")))
        }
    }
}
