// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import KeyService
import Linux
package import Telemetry

/// Counts requests by listener, operation and status, and how long they took.
package final class RequestMetrics: RequestObserver {
    private let byListener = ByListener { BySubject() }

    package init() {}

    package func requestEnded(_ record: RequestRecord) {
        self.byListener[record.peer.listener][record.subject]
            .count(record.outcome, nanoseconds: record.duration.nanoseconds)
    }

    /// Answers to requests for operations on keys since the start, by HTTP status.
    package var keyOperationsByStatus: [Int: Int] {
        var byStatus: [Int: Int] = [:]
        for row in self.keyOperations {
            for (status, count) in row.counts.byStatus { byStatus[status.rawValue, default: 0] += count.current }
        }
        return byStatus
    }

    /// How long operations on keys took.
    package var keyOperationDurations: Histogram.Snapshot {
        self.keyOperations.reduce(into: .zero) { $0 += $1.counts.duration }
    }

    private var keyOperations: [BySubject.Row] {
        self.byListener.all.flatMap(\.value.rows)
            .filter {
                guard case .operation(let operation) = $0.subject else { return false }
                return operation.isOnKeys
            }
    }
}

extension RequestMetrics: MetricsSource {
    package func writeMetrics(to text: inout MetricsText) {
        text.family("keyside_requests_total", .counter, "Requests answered.", self.requestCounts)
        text.histogram(
            "keyside_request_duration_seconds", "Seconds from a request's head to its answer.",
            bounds: Histogram.bounds, self.requestDurations)
    }

    private var requestCounts: [(MetricsText.Labels, Double)] {
        var counts: [(MetricsText.Labels, Double)] = []
        for (listener, requests) in self.byListener.all {
            for row in requests.rows {
                for (status, count) in row.counts.byStatus where count.current > 0 {
                    let labels: MetricsText.Labels = [
                        "operation": row.subject.label, "status": "\(status.rawValue)", "listener": listener.rawValue,
                    ]
                    counts.append((labels, Double(count.current)))
                }
            }
        }
        return counts
    }

    /// By operation and origin, of all listeners together.
    private var requestDurations: [(MetricsText.Labels, Histogram.Snapshot)] {
        var durations: [(MetricsText.Labels, Histogram.Snapshot)] = []
        let listeners = self.byListener.all.map(\.value.rows)
        for (index, row) in listeners[0].enumerated() {
            for origin in AnswerOrigin.Kind.allCases {
                let snapshot = listeners.reduce(into: Histogram.Snapshot.zero) { sum, rows in
                    sum += rows[index].counts.durations[origin.rawValue].snapshot()
                }
                guard snapshot.count > 0 else { continue }
                durations.append((["operation": row.subject.label, "cache": "\(origin)"], snapshot))
            }
        }
        return durations
    }
}

extension RequestMetrics {
    /// The counts of one listener.
    private final class BySubject: Sendable {
        typealias Row = (subject: RequestSubject, counts: Counts)

        private let byOperation = Operation.allCases.map { _ in Counts() }
        private let cache = Counts()
        private let unknown = Counts()

        subscript(_ subject: RequestSubject) -> Counts {
            switch subject {
            case .operation(let operation): self.byOperation[operation.rawValue]
            case .cache: self.cache
            case .unknown: self.unknown
            }
        }

        var rows: [Row] {
            zip(Operation.allCases, self.byOperation).map { (.operation($0), $1) }
                + [(.cache, self.cache), (.unknown, self.unknown)]
        }
    }

    private final class Counts: Sendable {
        let byStatus = ResponseStatus.allCases.map { (status: $0, count: Counter()) }
        /// By ``AnswerOrigin/Kind``.
        let durations = AnswerOrigin.Kind.allCases.map { _ in Histogram() }

        func count(_ outcome: AnswerOutcome, nanoseconds: Int) {
            self.count(outcome.status)
            self.durations[outcome.origin.kind.rawValue].record(nanoseconds: nanoseconds)
        }

        private func count(_ status: ResponseStatus) {
            // Nearly all are, and it is the first.
            if case .ok = status { return self.byStatus[0].count.add() }
            self.byStatus.first { $0.status == status }?.count.add()
        }

        var duration: Histogram.Snapshot { self.durations.reduce(into: .zero) { $0 += $1.snapshot() } }
    }
}

extension RequestSubject {
    /// The value of the label `operation`.
    fileprivate var label: String {
        switch self {
        case .operation(let operation): operation.name
        case .cache: "cache"
        case .unknown: "none"
        }
    }
}
