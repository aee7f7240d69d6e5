// SPDX-License-Identifier: Apache-2.0

import KeyService
import Primitives

/// Which endpoints one request has tried, and whether it tries another. No I/O, no clock.
struct RetryState {
    typealias Instant = ContinuousClock.Instant

    /// Enough to get past every failed endpoint of a usual cluster, and a bound where endpoints come and go.
    static let attemptCountMax = 8

    let isRepeatable: Bool
    /// Of the request as a whole.
    var deadline: Instant { self.storedDeadline.instant }
    private let storedDeadline: StoredInstant
    /// How long it waits for an endpoint while none can be reached.
    var waitDeadline: Instant { self.storedWaitDeadline.instant }
    private let storedWaitDeadline: StoredInstant
    /// Enough for servers that are near, where others have taken all the time.
    private let shortestConnectTimeout: Duration

    /// The endpoints not to ask again.
    private(set) var tried: [Int]
    /// The endpoints to ask only if no other one can be asked, the least wanted last.
    private var avoided: ArraySlice<Int>
    private(set) var attemptCount = 0
    /// What the last attempt failed with.
    private(set) var error: KeyServiceError?
    /// While this process lacks something.
    private var backoff = Backoff.forMemory

    /// What a request does after a failed attempt.
    enum Next: Equatable {
        case retry
        /// Retry once this process may have what it lacked.
        case retryAfter(Duration)
        case giveUp
    }

    /// - Parameters:
    ///   - excluded: an endpoint that the same request is at already.
    ///   - avoided: endpoints to ask only if no other one can be asked, the least wanted last.
    init(
        isRepeatable: Bool, options: ClusterOptions, startedAt: Instant, deadline: Instant,
        excluding excluded: Int? = nil, avoiding avoided: [Int] = []
    ) {
        self.isRepeatable = isRepeatable
        self.storedDeadline = StoredInstant(deadline)
        self.shortestConnectTimeout = options.connectTimeout / 8
        self.storedWaitDeadline = StoredInstant(min(deadline, startedAt + options.connectTimeout))
        self.tried = (excluded.map { [$0] } ?? []) + avoided
        self.avoided = avoided[...]
    }

    /// When an attempt that begins now times out. It leaves time for another one, if another endpoint can be asked.
    func deadline(of attempt: EndpointAttempt) -> Instant {
        guard self.isRepeatable, attempt.hasAlternative else { return self.deadline }
        return attempt.startedAt + (self.deadline - attempt.startedAt) / 2
    }

    /// How long an attempt may take to connect. Each leaves half of the time to the next, if another endpoint can be asked,
    /// so that all attempts of a request together take about as long as one may.
    func connectTimeout(of attempt: EndpointAttempt) -> Duration {
        let left = self.waitDeadline - attempt.startedAt
        return max(attempt.hasAlternative ? left / 2 : left, self.shortestConnectTimeout)
    }

    /// Records that an attempt failed, and decides what follows.
    ///
    /// A lack of this process's own does not count as an attempt: it says nothing of the endpoint, and passes.
    ///
    /// - Parameter endpoint: is not asked again; nil if the attempt says nothing about it.
    mutating func fail(
        _ verdict: AttemptFailure.Verdict, at endpoint: Int?, leftNoTrace: Bool, now: Instant
    ) -> Next {
        self.error = verdict.error
        guard self.isRepeatable || leftNoTrace, now < self.deadline else { return .giveUp }
        if verdict.isOwnLack {
            let pause = self.backoff.next()
            return now + pause < self.deadline ? .retryAfter(pause) : .giveUp
        }
        self.backoff = .forMemory
        if let endpoint { self.tried.append(endpoint) }
        self.attemptCount += 1
        return verdict.maySucceedElsewhere && self.attemptCount < Self.attemptCountMax ? .retry : .giveUp
    }

    /// Allows the most wanted of the avoided endpoints, since no other one can be asked.
    ///
    /// - Returns: false if there is none.
    mutating func admitAvoided() -> Bool {
        guard let endpoint = self.avoided.popFirst() else { return false }
        if let index = self.tried.firstIndex(of: endpoint) { self.tried.remove(at: index) }
        return true
    }

    /// An endpoint has come back: all may be asked again.
    mutating func startOver() {
        self.tried = []
        self.avoided = []
    }
}
