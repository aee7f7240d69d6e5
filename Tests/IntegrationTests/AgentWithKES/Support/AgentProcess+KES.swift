// SPDX-License-Identifier: Apache-2.0

import FakeKES
import Glibc
import TestSupport

extension AgentSetup {
    /// Whether the agent is to speak HTTP/1.1 or HTTP/2 with the servers.
    mutating func speak(_ version: ConnectionFaults.HTTPVersion) {
        self.environment["KEYSIDE_UPSTREAM_HTTP"] = version.rawValue
    }
}

extension AgentProcess {
    /// What `/metrics` says. Asking disturbs no server.
    var metrics: PrometheusText { get throws { try PrometheusText(self.ask(.get("/metrics")).text) } }

    /// Waits until the agent is as `condition` asks for. It announces nothing, so one has to ask.
    func wait(for event: String, _ condition: () throws -> Bool) throws {
        let deadline = Deadline.standard
        while try !condition() {
            guard !deadline.hasPassed else { throw TestFailure.timedOut(waitingFor: "\(event); log: \(try self.log)") }
            usleep(10_000)
        }
    }

    var openDescriptorCount: Int {
        get throws {
            guard let folder = unsafe opendir("/proc/\(self.process.processID)/fd") else {
                throw TestFailure.unusable("no descriptors of \(self.process.processID)")
            }
            defer { unsafe closedir(folder) }
            var count = -2  // The folder itself and the one above.
            while unsafe readdir(folder) != nil { count += 1 }
            return count
        }
    }
}

extension PrometheusText {
    /// How often certificates were replaced or refused.
    func reloads(_ role: String, _ outcome: String) -> Int? {
        self.value("keyside_certificate_reloads_total", ["role": role, "outcome": outcome]).map { Int($0) }
    }

    func isUp(_ server: FakeKES) -> Bool? {
        self.value("keyside_upstream_up", ["endpoint": server.endpoint]).map { $0 == 1 }
    }
}
