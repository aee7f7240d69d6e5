// SPDX-License-Identifier: Apache-2.0

import HTTPServer
import Linux
package import Telemetry

/// KES's own families of metrics, which are all that `/v1/metrics` has: KES's client fails on any other that has more than
/// one sample, and on an empty one.
package struct KESMetrics: MetricsSource {
    let requests: RequestMetrics
    /// Requests whose answer is being made.
    let active: Counter
    /// When the agent has started.
    let began: ContinuousClock.Instant

    package func writeMetrics(to text: inout MetricsText) {
        self.writeRequests(to: &text)
        self.writeSystem(to: &text)
    }

    private func writeRequests(to text: inout MetricsText) {
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
            Double(self.active.current))
        text.histogram(
            "kes_http_response_time", "Seconds from a request's head to its answer.",
            bounds: [10, 50, 100, 250, 500, 1_000, 1_500, 3_000, 5_000, 10_000].map { $0 * 1_000_000 },
            [(.none, self.requests.keyOperationDurations)])
    }

    /// KES's client fails on a family without a sample, so what cannot be told is 0.
    private func writeSystem(to text: inout MetricsText) {
        let process = ProcessStatistics.current()
        let processors = ProcessStatistics.processors
        text.family("kes_log_error_events", .counter, "Events sent to error log streams.", 0)
        text.family("kes_log_audit_events", .counter, "Events sent to audit log streams.", 0)
        text.family(
            "kes_system_up_time", .gauge, "Seconds since the start.",
            Double((ContinuousClock.now - self.began).components.seconds))
        text.family("kes_system_num_cpu", .gauge, "Processors of the machine.", Double(processors.all))
        text.family(
            "kes_system_num_cpu_used", .gauge, "Processors that the process may use.", Double(processors.usable))
        text.family("kes_system_num_threads", .gauge, "Threads.", Double(process.threads ?? 0))
        text.family("kes_system_mem_heap_used", .gauge, "Bytes of heap in use.", Double(process.heapByteCount))
        text.family("kes_system_mem_heap_objects", .gauge, "Objects on the heap; not counted, 0.", 0)
        text.family("kes_system_mem_stack_used", .gauge, "Bytes of stack in use.", Double(process.stackByteCount ?? 0))
    }
}
