// SPDX-License-Identifier: Apache-2.0

import KeyService
import Linux
import Telemetry

/// The outcome of an attempt at one endpoint, as metrics name it.
package enum AttemptOutcome: String, Sendable, CaseIterable {
    case succeeded
    /// Answered 4xx, or 501.
    case refused
    /// Answered with any other 5xx.
    case failed
    /// Answered with something that cannot be read.
    case unusable
    /// Connected, and not answered in time.
    case timedOut = "timed_out"
    /// Not connected, or the connection broke.
    case unreachable
    /// Ended on this side: its caller gave up, or this process was out of memory, descriptors or ports.
    case givenUp = "given_up"
}

/// Requests by endpoint, operation and outcome, and how long each endpoint took.
final class ClusterMetrics: Sendable {
    private final class Endpoint: Sendable {
        let address: String
        /// By operation, then by outcome.
        let counts = Operation.allCases.map { _ in AttemptOutcome.allCases.map { _ in Counter() } }
        let duration = Histogram()

        init(address: String) { self.address = address }
    }

    private let endpoints: [Endpoint]

    init(addresses: [String]) { self.endpoints = addresses.map(Endpoint.init) }

    func ended(_ operation: Operation, at endpoint: Int, _ outcome: AttemptOutcome, after duration: Duration) {
        let endpoint = self.endpoints[endpoint]
        endpoint.counts[operation.rawValue][outcome.index].add()
        endpoint.duration.record(nanoseconds: duration.nanoseconds)
    }

    /// How often an operation had this outcome at an endpoint.
    func count(_ operation: Operation, at endpoint: Int, _ outcome: AttemptOutcome) -> Int {
        self.endpoints[endpoint].counts[operation.rawValue][outcome.index].current
    }

    func write(to text: inout MetricsText) {
        var counts: [(MetricsText.Labels, Double)] = []
        for endpoint in self.endpoints {
            for (operation, byOutcome) in zip(Operation.allCases, endpoint.counts) {
                for (outcome, count) in zip(AttemptOutcome.allCases, byOutcome) where count.current > 0 {
                    let labels: MetricsText.Labels = [
                        "endpoint": endpoint.address, "operation": operation.name, "outcome": outcome.rawValue,
                    ]
                    counts.append((labels, Double(count.current)))
                }
            }
        }
        text.family("keyside_upstream_requests_total", .counter, "Requests to key servers, repeats included.", counts)
        text.histogram(
            "keyside_upstream_request_duration_seconds", "Seconds that a request to a key server took.",
            bounds: Histogram.bounds,
            self.endpoints.map { (["endpoint": $0.address], $0.duration.snapshot()) })
    }
}

extension AttemptOutcome {
    /// The position among all cases.
    fileprivate var index: Int {
        switch self {
        case .succeeded: 0
        case .refused: 1
        case .failed: 2
        case .unusable: 3
        case .timedOut: 4
        case .unreachable: 5
        case .givenUp: 6
        }
    }
}
