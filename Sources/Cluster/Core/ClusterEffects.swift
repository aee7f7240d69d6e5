// SPDX-License-Identifier: Apache-2.0

/// What the driver has to do after an event, in any order.
struct ClusterEffects {
    /// The next step of the request that the event is about; nil if it has ended well.
    var step: RequestStep?
    /// The next steps of requests that have waited.
    var resumed: [(id: ClusterCore.RequestID, step: RequestStep)] = []
    /// Probes to be sent.
    var probes: [EndpointAttempt] = []
    /// To be reported.
    var change: EndpointChange?
    /// Why the answer cannot be read, if that is to be reported.
    var unusableReason: String?
    /// What the attempt that has ended is counted as.
    var outcome = AttemptOutcome.succeeded
}

/// Limits reports about each endpoint to one a minute.
struct ReportLimit {
    private static let period = Duration.seconds(60)
    private var reportedAt: [Int: ContinuousClock.Instant] = [:]

    /// Whether to report now. If so, the period begins.
    mutating func isDue(for endpoint: Int, at now: ContinuousClock.Instant) -> Bool {
        if let last = self.reportedAt[endpoint], now < last + Self.period { return false }
        self.reportedAt[endpoint] = now
        return true
    }
}
