// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import KESProtocol
import NIOCore
import Synchronization

/// What the server counts of itself: KES's own families, no others.
final class ServerMetrics: Sendable {
    private struct Counts {
        var byStatus: [Int: Int] = [:]
        var durations = [Int](repeating: 0, count: ServerMetrics.bounds.count + 1)
        var nanoseconds: Int64 = 0
    }

    /// In seconds; a last bucket has what is longer.
    private static let bounds = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 3, 5, 10]

    private let counts = Mutex(Counts())
    private let began = NIODeadline.now()

    /// Counts an answer at an endpoint of keys, to a caller who was known.
    func answered(_ status: Int, after duration: TimeAmount) {
        let seconds = Double(duration.nanoseconds) / 1e9
        let bucket = Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count
        self.counts.withLock { counts in
            counts.byStatus[status, default: 0] += 1
            counts.durations[bucket] += 1
            counts.nanoseconds += duration.nanoseconds
        }
    }

    private var upTime: Int { Int((.now() - self.began).nanoseconds / 1_000_000_000) }

    /// The body of `/v1/status`.
    func status(version: String) -> [UInt8] {
        JSONWriter.object(escaping: .html) { json in
            json.member("version", version)
            json.member("os", "linux")
            json.member("arch", "amd64")
            json.member("uptime", self.upTime)
            json.member("num_cpu", System.coreCount)
            json.member("num_cpu_used", System.coreCount)
            json.member("mem_heap_used", 2_926_832)
            json.member("mem_stack_used", 557_056)
            json.member("keystore_latency", 1)
        } + "\n".utf8
    }

    /// The body of `/v1/metrics`, text format 0.0.4.
    var text: String {
        let counts = self.counts.withLock { $0 }
        var text = ""
        for (name, statuses) in [("success", 200..<400), ("error", 400..<500), ("failure", 500..<600)] {
            let samples = counts.byStatus.filter { statuses.contains($0.key) }.sorted { $0.key < $1.key }
            guard !samples.isEmpty else { continue }
            text += "# TYPE kes_http_request_\(name) counter\n"
            for (status, count) in samples { text += "kes_http_request_\(name){code=\"\(status)\"} \(count)\n" }
        }
        text += "# TYPE kes_http_response_time histogram\n"
        var total = 0
        for (index, count) in counts.durations.enumerated() {
            total += count
            let bound = index < Self.bounds.count ? "\(Self.bounds[index])" : "+Inf"
            text += "kes_http_response_time_bucket{le=\"\(bound)\"} \(total)\n"
        }
        text += "kes_http_response_time_sum \(Double(counts.nanoseconds) / 1e9)\n"
        text += "kes_http_response_time_count \(total)\n"
        let gauges = [
            ("http_request_active", 0), ("system_up_time", self.upTime), ("system_num_cpu", System.coreCount),
            ("system_num_cpu_used", System.coreCount), ("system_num_threads", System.coreCount),
            ("system_mem_heap_used", 2_926_832), ("system_mem_heap_objects", 10_000),
            ("system_mem_stack_used", 557_056),
        ]
        for (name, value) in gauges { text += "# TYPE kes_\(name) gauge\nkes_\(name) \(value)\n" }
        for name in ["error", "audit"] {
            text += "# TYPE kes_log_\(name)_events counter\nkes_log_\(name)_events 0\n"
        }
        return text
    }
}

extension Answer {
    init(metrics text: String) {
        self.init(
            status: 200, contentType: "text/plain; version=0.0.4; charset=utf-8", body: ByteBuffer(string: text))
        self.lengthIsAnnounced = self.body.readableBytes <= Self.bodyByteCountOfKnownLengthMax
    }
}
