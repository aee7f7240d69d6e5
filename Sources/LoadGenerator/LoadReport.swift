// SPDX-License-Identifier: Apache-2.0

package import Linux

/// What came of a load.
package struct LoadReport: Sendable {
    /// Why a request was not answered as it should be.
    package enum Fault: Equatable, Sendable, CustomStringConvertible {
        /// An answer, but none with the status 200.
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

    package enum Ending: Equatable, Sendable {
        /// As planned.
        case finished
        /// Somebody asked for it: ``StopFlag``.
        case stopped
        /// A new connection could not be had.
        case noConnection(SystemError)
    }

    /// Requests that were answered with 200.
    package internal(set) var operations = 0
    /// Requests that were answered otherwise, or not at all.
    package internal(set) var errors = 0
    package internal(set) var firstFault: Fault?
    /// Answers that a cache had.
    package internal(set) var hits = 0
    /// Whether any answer said of a cache what it did.
    package internal(set) var tellsOfCache = false
    /// Of answers with 200.
    package internal(set) var latencies = Latencies()
    package internal(set) var elapsed = Interval.zero
    /// What the server's process took of the processors in that time. Nil where its process cannot be told.
    package internal(set) var serverTime: Interval?
    package internal(set) var serverResidentByteCount: Int?
    package internal(set) var ending = Ending.finished

    package var operationsPerSecond: Double {
        self.elapsed > .zero ? Double(self.operations) * 1e9 / Double(self.elapsed.nanoseconds) : 0
    }

    /// The share of answers that a cache had; 0 where nothing was said of one.
    package var hitRatio: Double { self.operations > 0 ? Double(self.hits) / Double(self.operations) : 0 }

    /// For each request, answered as it should be or not.
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
            self.tellsOfCache = true
            self.hits += isFromCache ? 1 : 0
        }
    }

    mutating func count(_ fault: Fault) {
        self.errors += 1
        self.firstFault = self.firstFault ?? fault
    }
}
