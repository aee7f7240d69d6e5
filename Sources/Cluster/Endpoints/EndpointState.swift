// SPDX-License-Identifier: Apache-2.0

import Linux

/// What the pool knows of one endpoint.
struct EndpointState: Sendable {
    typealias Instant = ContinuousClock.Instant

    enum Condition: Sendable {
        case up
        /// It answers, and its last answer told of a fault of its own.
        case degraded
        case unreachable
    }

    /// Nil while the endpoint is up.
    var fault: EndpointFault? {
        didSet { self.condition = Condition(self.fault) }
    }
    /// Follows from ``fault``; stored, since it is read far more often than it changes.
    private(set) var condition = Condition.up
    /// When `fault` last came, went, or became of another kind.
    var changedAt: Instant
    /// When it was last up; without meaning while it is.
    var downSince: Instant
    /// A degraded endpoint is not up before this.
    var downUntil: Instant
    /// Failures since it was last up for ``EndpointPool/steadyAfter``. They determine the back-off.
    var failureCount = 0
    /// Whether it failed again soon after it was up.
    var isFlapping = false
    var probeAt: Instant
    var probesOutstanding = 0
    /// Requests in flight to it, probes included.
    var inFlight = 0
    /// Requests in flight to it that take a place: all but probes.
    var requestCount: Int { self.inFlight - self.probesOutstanding }
    var latency = LatencyAverage()

    /// An endpoint that counts as up until its first probe, which is due at once.
    init(at now: Instant) {
        self.changedAt = now
        self.downSince = now
        self.downUntil = now
        self.probeAt = now
    }

    /// How long the next request will likely take, for comparison only: the usual latency times the requests in flight.
    var burden: Double { self.latency.seconds * Double(self.inFlight + 1) }
}

extension EndpointState.Condition {
    fileprivate init(_ fault: EndpointFault?) {
        self =
            switch fault {
            case nil: .up
            case let fault? where fault.isAnswer: .degraded
            case _?: .unreachable
            }
    }
}

/// A moving average of the time that answers take. Samples of the last seconds count, however many they are: one probe
/// is enough to forgive a server that was slow a while ago.
struct LatencyAverage: Sendable {
    private static let memory = 5.0

    /// The expected latency of the next answer. A millisecond until there was one: about what a server nearby takes.
    private(set) var seconds = 0.001
    private var updatedAt: ContinuousClock.Instant?

    init() {}

    /// Assumes the latency of comparable servers until this one has answered.
    init(assumed seconds: Double, at now: ContinuousClock.Instant) {
        self.seconds = seconds
        self.updatedAt = now
    }

    /// Nil if nothing is known.
    var value: Duration? { self.updatedAt.map { _ in .seconds(self.seconds) } }

    mutating func add(_ latency: Duration, at now: ContinuousClock.Instant) {
        let sample = max(Double(latency.nanoseconds) * 1e-9, 0.000_001)
        if let updatedAt = self.updatedAt {
            // As exp(-age / memory) for what is recent, and nothing for what is older. At least a hundredth of the new
            // sample counts.
            let age = max(Double((now - updatedAt).nanoseconds) * 1e-9, Self.memory / 100)
            let weight = max(0, 1 - age / Self.memory)
            self.seconds = self.seconds * weight + sample * (1 - weight)
        } else {
            self.seconds = sample
        }
        self.updatedAt = now
    }
}
