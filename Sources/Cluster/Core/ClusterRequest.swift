// SPDX-License-Identifier: Apache-2.0

import KeyService

/// What the core has to know of a request that arrives.
struct RequestTerms {
    /// Whether asking twice is the same as asking once.
    let isRepeatable: Bool
    /// Whether a second endpoint may be asked too.
    var isHedged = false
    /// Endpoints to ask only if no other one can be asked, the least wanted last.
    var avoided: [Int] = []
}

/// A request from its arrival to its end.
struct ClusterRequest {
    enum Phase {
        /// An endpoint has it.
        case attempting(RequestAttempt)
        /// It waits for a place, in the ``RequestQueue``.
        case queued
        /// It waits for an endpoint to return, while none can be reached.
        case waitingForEndpoint
        /// It waits until this process may have what it lacked.
        case pausing
    }

    /// Its position among all requests that have arrived.
    let arrival: UInt64
    let arrivedAt: StoredInstant
    let isHedged: Bool
    /// Whether it is the hedge of another request.
    let isHedge: Bool
    /// Whether it counts as one in flight, which it does from its first place to its end.
    var isAdmitted = false
    var retries: RetryState
    var phase = Phase.queued

    /// The error for its caller if it can wait no longer.
    var error: KeyServiceError { self.retries.error ?? (self.isAdmitted ? .unavailable : .timedOut) }
}

/// What a request does next, as ``ClusterCore`` decides.
enum RequestStep {
    /// Send it. Then tell the core the outcome: ``ClusterCore/succeed(_:at:)`` or ``ClusterCore/fail(_:_:at:)``.
    case attempt(RequestAttempt)
    /// Wait. The effects of a later event hold its next step, unless ``ClusterCore/cancel(_:at:)`` is called before.
    case wait
    /// Wait until then, and call ``ClusterCore/resume(_:at:)``.
    case pause(until: StoredInstant)
    /// It has failed, and the core has forgotten it.
    case end(KeyServiceError)
}

/// One attempt of a request at one endpoint, and its time.
struct RequestAttempt {
    let attempt: EndpointAttempt
    private let storedDeadline: StoredInstant
    /// For name, connection and handshake together.
    let connectTimeout: Duration

    init(_ attempt: EndpointAttempt, deadline: ContinuousClock.Instant, connectTimeout: Duration) {
        self.attempt = attempt
        self.storedDeadline = StoredInstant(deadline)
        self.connectTimeout = connectTimeout
    }

    var endpoint: Int { self.attempt.endpoint }
    var deadline: ContinuousClock.Instant { self.storedDeadline.instant }
}
