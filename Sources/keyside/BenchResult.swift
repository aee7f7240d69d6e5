// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Linux
import LoadGenerator

/// The output of `keyside bench`.
struct BenchResult {
    private let report: LoadReport
    private let title: String

    /// - Parameter title: describes the workload; printed in text output.
    init(_ report: LoadReport, title: String) {
        self.report = report
        self.title = title
    }

    private func percentile(_ percent: Double) -> Double {
        self.report.latencies.microseconds(atPercentile: percent).toTenths
    }

    /// Writes the members of one JSON object. Latencies are in microseconds; an unknown value is `null`.
    func write(to json: inout JSONWriter) {
        json.member("ops", self.report.operations)
        json.member("ops_per_s", self.report.operationsPerSecond.toTenths)
        json.member("p50_us", self.percentile(50))
        json.member("p90_us", self.percentile(90))
        json.member("p99_us", self.percentile(99))
        json.member("p999_us", self.percentile(99.9))
        json.member("max_us", self.report.latencies.longestMicroseconds.toTenths)
        json.member("errors", self.report.errors)
        json.member("hit_ratio", (self.report.hitRatio * 10_000).rounded() / 10_000)
        json.member("server_cpu_us_per_op", self.report.serverMicrosecondsPerOperation.map(\.toHundredths))
        json.member("server_rss_bytes", self.report.serverResidentByteCount)
    }

    var text: String {
        let report = self.report
        let seconds = Double(report.elapsed.nanoseconds) / 1e9
        let hits = report.reportsCache ? "\((report.hitRatio * 100).toTenths) %" : "n/a"
        let cpu = report.serverMicrosecondsPerOperation.map { "\($0.toHundredths) µs of CPU per operation" }
        let memory = report.serverResidentByteCount.map { "\((Double($0) / 1_048_576).toTenths) MiB resident" }
        let server = [cpu, memory].compactMap(\.self).joined(separator: ", ")
        let rows = [
            (
                "operations",
                "\(report.operations) in \(seconds.toTenths) s, \(Int(report.operationsPerSecond)) per second"
            ),
            (
                "latency",
                "p50 \(self.percentile(50)), p90 \(self.percentile(90)), p99 \(self.percentile(99)), "
                    + "p99.9 \(self.percentile(99.9)), max \(report.latencies.longestMicroseconds.toTenths) µs"
            ),
            ("errors", "\(report.errors)"),
            ("hits", hits),
            ("server", server.isEmpty ? "n/a" : server),
        ]
        return "\(self.title)\n"
            + rows.map { $0 + String(repeating: " ", count: 12 - $0.count) + $1 + "\n" }.joined()
    }
}

extension Double {
    var toTenths: Double { (self * 10).rounded() / 10 }
    var toHundredths: Double { (self * 100).rounded() / 100 }
}
