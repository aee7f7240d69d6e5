// SPDX-License-Identifier: Apache-2.0

import Linux
import LoadGenerator

/// A progress line on the terminal. Prints nothing if standard error is not a terminal.
struct BenchProgress {
    private let isShown = StandardStreams.errorIsTerminal

    func show(_ report: LoadReport) {
        let seconds = (Double(report.elapsed.nanoseconds) / 1e9).toTenths
        let latency = report.latencies.microseconds(atPercentile: 99).toTenths
        self.write(
            "\(seconds) s  \(Int(report.operationsPerSecond)) per second  p99 \(latency) µs  \(report.errors) errors")
    }

    func show(made count: Int, of all: Int) {
        guard count % 100 == 0 else { return }
        self.write("\(count) of \(all) data keys")
    }

    func clear() { self.write("") }

    private func write(_ line: String) {
        if self.isShown { StandardStreams.writeError("\r\u{1B}[K\(line)") }
    }
}
