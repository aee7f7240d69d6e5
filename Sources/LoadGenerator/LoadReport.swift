// SPDX-License-Identifier: Apache-2.0

package import Linux

/// The results of a load test.
package struct LoadReport: Sendable {
    /// Why a request failed.
    package enum Fault: Equatable, Sendable, CustomStringConvertible {
        /// An answer with a status other than 200.
        case status(Int)
        case malformed
        case disconnected
        case timedOut

        package var description: String {
            switch self {
            case .status(let status): "the status \(status)"
            case .malformed: "an answer that cannot be read"
            case .disconnected: "the end of the connection"
            case .timedOut: "no answer in time"
            }
        }
    }

    /// Why the load ended.
    package enum Ending: Equatable, Sendable {
        /// The load was completed.
        case finished
        /// Stopped by a ``StopFlag``.
        case stopped
        /// A connection could not be opened again.
        case noConnection(SystemError)
    }

    /// Requests with status 200.
    package internal(set) var operations = 0
    /// Requests with another status, or without an answer.
    package internal(set) var errors = 0
    /// The reason of the first error.
    package internal(set) var firstFault: Fault?
    /// Answers from a cache.
    package internal(set) var hits = 0
    /// Whether any answer reported a cache.
    package internal(set) var reportsCache = false
    /// Of answers with status 200.
    package internal(set) var latencies = Latencies()
    /// Duration of the load, without opening connections.
    package internal(set) var elapsed = Interval.zero
    /// Processor time of the server's process. Nil if its process is not visible.
    package internal(set) var serverTime: Interval?
    /// Resident memory of the server's process at the end, in bytes. Nil if its process is not visible.
    package internal(set) var serverResidentByteCount: Int?
    package internal(set) var ending = Ending.finished

    /// Successful requests per second.
    package var operationsPerSecond: Double {
        self.elapsed > .zero ? Double(self.operations) * 1e9 / Double(self.elapsed.nanoseconds) : 0
    }

    /// Share of answers from a cache; 0 if no answer reported one.
    package var hitRatio: Double { self.operations > 0 ? Double(self.hits) / Double(self.operations) : 0 }

    /// Per request, successful or not.
    package var serverMicrosecondsPerOperation: Double? {
        let count = self.operations + self.errors
        guard count > 0, let time = self.serverTime else { return nil }
        return Double(time.nanoseconds) / 1000 / Double(count)
    }

    mutating func count(_ answer: Answer, after latency: Interval) {
        guard answer.status == 200 else { return self.count(.status(answer.status)) }
        self.operations += 1
        self.latencies.record(latency)
        if let isFromCache = answer.isFromCache {
            self.reportsCache = true
            self.hits += isFromCache ? 1 : 0
        }
    }

    mutating func count(_ fault: Fault) {
        self.errors += 1
        self.firstFault = self.firstFault ?? fault
    }
}
