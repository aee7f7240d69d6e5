// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import KESProtocol
import KeyService
import Telemetry

/// Requests by operation and status, and how long they took. One for each listener.
final class RequestMetrics: Sendable {
    /// What was asked for: a route, or nothing that could be made out.
    private let byEndpoint = Operation.allCases.map { _ in OperationMetrics() }
    private let cache = OperationMetrics()
    private let unrouted = OperationMetrics()
    /// Requests whose answer is being awaited.
    let active = Counter()

    final class OperationMetrics: Sendable {
        let byStatus = ResponseStatus.allCases.map { (status: $0, count: Counter()) }
        /// By what the cache did.
        let durations = AnswerOrigin.Kind.allCases.map { (origin: $0, histogram: Histogram()) }

        func answered(_ status: ResponseStatus, from origin: AnswerOrigin, nanoseconds: Int) {
            self.count(status)
            self.durations[origin.kind.rawValue].histogram.record(nanoseconds: nanoseconds)
        }

        private func count(_ status: ResponseStatus) {
            // Nearly all are, and it is the first.
            if case .ok = status { return self.byStatus[0].count.add() }
            self.byStatus.first { $0.status == status }?.count.add()
        }

        var duration: Histogram.Snapshot { self.durations.reduce(into: .zero) { $0 += $1.histogram.snapshot() } }
    }

    /// What a request asked for, as far as metrics tell it.
    enum Key: Equatable {
        case kes(Operation)
        /// `/v1/keyside/cache`
        case cache
        case unrouted

        init(_ endpoint: Operation?, _ subject: KESRoutedRequest.Subject) {
            switch subject {
            case .cacheReport, .purge: self = .cache
            case .key, .list, .agent, .allMetrics, .refused: self = endpoint.map(Self.kes) ?? .unrouted
            }
        }
    }

    /// Of what a request asked for.
    subscript(_ key: Key) -> OperationMetrics {
        switch key {
        case .kes(let endpoint): self.byEndpoint[endpoint.rawValue]
        case .cache: self.cache
        case .unrouted: self.unrouted
        }
    }

    typealias Row = (name: String, endpoint: Operation?, metrics: OperationMetrics)

    /// Operations with their names for labels.
    var operations: [Row] {
        zip(Operation.allCases, self.byEndpoint).map { ($0.name, $0, $1) } + [
            ("cache", nil, self.cache), ("none", nil, self.unrouted),
        ]
    }
}
