// SPDX-License-Identifier: Apache-2.0

import Authorization
import HTTPMessages
import Linux
import LockedMemory
import Telemetry

/// Everything that is counted, as Prometheus reads it.
struct MetricsReport {
    let facts: AgentFacts
    let memory: SecretMemory
    let requests: RequestMetrics
    let activeRequests: Counter
    let denials: Denials
    /// Other parts of the agent that count.
    let sources: [any MetricsSource]

    /// - Parameter includingOwn: false for KES's families alone: its client fails on any other that has more than one
    ///   sample, and on an empty one.
    func text(includingOwn: Bool) -> String {
        var text = MetricsText()
        let process = ProcessStatistics.current()
        self.writeKESRequests(to: &text)
        self.writeKESSystem(process, to: &text)
        if includingOwn {
            self.requests.writeMetrics(to: &text)
            self.writeAgent(to: &text)
            for source in self.sources { source.writeMetrics(to: &text) }
            self.writeProcess(process, to: &text)
        }
        return text.text
    }

    // MARK: KES's families

    private func writeKESRequests(to text: inout MetricsText) {
        let byStatus = self.requests.keyOperationsByStatus
        func samples(_ range: Range<Int>) -> [(MetricsText.Labels, Double)] {
            byStatus.filter { range.contains($0.key) && $0.value > 0 }.sorted { $0.key < $1.key }
                .map { (["code": "\($0.key)"], Double($0.value)) }
        }
        text.family("kes_http_request_success", .counter, "Requests answered 2xx.", samples(200..<300))
        text.family("kes_http_request_error", .counter, "Requests answered 4xx.", samples(400..<500))
        text.family("kes_http_request_failure", .counter, "Requests answered 5xx.", samples(500..<600))
        text.family(
            "kes_http_request_active", .gauge, "Requests whose answer is being made.",
            Double(self.activeRequests.current))
        text.histogram(
            "kes_http_response_time", "Seconds from a request's head to its answer.",
            bounds: [10, 50, 100, 250, 500, 1_000, 1_500, 3_000, 5_000, 10_000].map { $0 * 1_000_000 },
            [(.none, self.requests.keyOperationDurations)])
    }

    /// KES's client fails on a family without a sample, so what cannot be told is 0.
    private func writeKESSystem(_ process: ProcessStatistics, to text: inout MetricsText) {
        let processors = ProcessStatistics.processors
        text.family("kes_log_error_events", .counter, "Events sent to error log streams.", 0)
        text.family("kes_log_audit_events", .counter, "Events sent to audit log streams.", 0)
        text.family(
            "kes_system_up_time", .gauge, "Seconds since the start.", Double(self.facts.uptime.components.seconds))
        text.family("kes_system_num_cpu", .gauge, "Processors of the machine.", Double(processors.all))
        text.family(
            "kes_system_num_cpu_used", .gauge, "Processors that the process may use.", Double(processors.usable))
        text.family("kes_system_num_threads", .gauge, "Threads.", Double(process.threads ?? 0))
        text.family("kes_system_mem_heap_used", .gauge, "Bytes of heap in use.", Double(process.heapByteCount))
        text.family("kes_system_mem_heap_objects", .gauge, "Objects on the heap; not counted, 0.", 0)
        text.family("kes_system_mem_stack_used", .gauge, "Bytes of stack in use.", Double(process.stackByteCount ?? 0))
    }

    // MARK: Our own

    private func writeAgent(to text: inout MetricsText) {
        let listeners = self.facts.listeners
        func samples(
            of listeners: [AgentFacts.Listener], _ count: (ConnectionCount) -> Int
        ) -> [(MetricsText.Labels, Double)] {
            listeners.map { (["listener": $0.name.rawValue], Double(count($0.connections))) }
        }
        text.family(
            "keyside_connections", .gauge, "Open connections.", samples(of: listeners, \.current))
        let denied = [
            ("connections", listeners.reduce(0) { $0 + $1.connections.refused }),
            (
                "unauthenticated_connections",
                listeners.reduce(0) { $0 + $1.connections.droppedUnauthenticated }
            ),
            ("certificate", self.denials.withoutPrincipal.current), ("policy", self.denials.byPolicy.current),
        ]
        text.family(
            "keyside_denied_total", .counter, "Connections and requests refused for a limit or a right.",
            denied.map { (["reason": $0] as MetricsText.Labels, Double($1)) })
        let withTLS = listeners.filter { $0.name == .tls }
        if !withTLS.isEmpty {
            text.family(
                "keyside_failed_handshakes_total", .counter, "Handshakes of TLS that came to nothing.",
                samples(of: withTLS, \.failedHandshakes))
        }
        text.family(
            "keyside_locked_memory_bytes", .gauge, "Bytes of locked memory.", Double(self.memory.lockedByteCount))
        text.family(
            "keyside_locked_memory_used_bytes", .gauge, "Bytes of locked memory in use, by share.",
            MemoryShare.allCases.map {
                (["share": $0.name] as MetricsText.Labels, Double(self.memory.heap($0).byteCountInUse))
            })
        text.family(
            "keyside_memory_overflow_bytes", .gauge,
            "Bytes of unlocked (swappable) memory in use because a share of locked memory is full.",
            Double(self.memory.overflowByteCount))
        text.family(
            "keyside_refused_allocations_total", .counter,
            "Failed libcurl and OpenSSL allocations: share of locked memory full.",
            Double(self.memory.refusedAllocations))
        text.family(
            "keyside_build_info", .gauge, "What is running.",
            [(["version": self.facts.version] as MetricsText.Labels, 1)])
    }

    private func writeProcess(_ process: ProcessStatistics, to text: inout MetricsText) {
        text.family("process_cpu_seconds_total", .counter, "Seconds of processor time.", process.cpuSeconds)
        func gauge(_ name: String, _ help: String, _ value: Int?) {
            if let value { text.family(name, .gauge, help, Double(value)) }
        }
        gauge("process_resident_memory_bytes", "Bytes resident.", process.residentByteCount)
        gauge("process_virtual_memory_bytes", "Bytes of address space.", process.virtualByteCount)
        gauge("process_open_fds", "Open descriptors.", process.openDescriptors)
        if let limit = ResourceLimit.openFiles.current {
            text.family("process_max_fds", .gauge, "Descriptors that may be open.", Double(limit))
        }
        text.family(
            "process_start_time_seconds", .gauge, "When it started, since the epoch.",
            Double(self.facts.startedAt.seconds))
        gauge("process_threads", "Threads.", process.threads)
    }
}
