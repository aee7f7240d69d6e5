// SPDX-License-Identifier: Apache-2.0

package import Linux
import LockedMemory
package import Telemetry

/// The families that Prometheus' own client libraries have for every process.
package struct ProcessMetrics: MetricsSource {
    private let startedAt: WallClock

    package init(startedAt: WallClock) { self.startedAt = startedAt }

    package func writeMetrics(to text: inout MetricsText) {
        let process = ProcessStatistics.current()
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
            Double(self.startedAt.seconds))
        gauge("process_threads", "Threads.", process.threads)
    }
}
