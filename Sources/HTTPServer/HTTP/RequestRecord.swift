// SPDX-License-Identifier: Apache-2.0

package import HTTPMessages
package import KeyService
package import Linux

/// What happened to one request: the value that every request ends in, whatever the listener, the protocol and the version
/// of HTTP. Metrics and the log read it.
///
/// Making one allocates nothing; the key's name stays in the routed request until somebody asks for it.
package struct RequestRecord: Sendable {
    /// The value of `X-Request-Id` in the answer.
    package let id: RequestID
    package let peer: Peer
    /// Nil for bytes that are no HTTP request.
    package let request: (any RoutedRequest)?
    package let outcome: AnswerOutcome
    /// From the end of the request's head until its answer was written to the connection's buffer.
    package let duration: Interval

    package var subject: RequestSubject { self.request?.requestSubject ?? .unknown }

    /// Nil where the request names no key, or was refused before its name was read.
    package var keyName: KeyName? { self.request?.keyName }
}

/// What an answer tells of itself, apart from its body.
package struct AnswerOutcome: Sendable {
    package let status: ResponseStatus
    /// What the cache did.
    package let origin: AnswerOrigin
    /// Nil for an answer that asked no key server, and where the backend does not say which one it was.
    package internal(set) var upstream: UpstreamShare?
}

/// The part of a request that a key server took.
package struct UpstreamShare: Equatable, Sendable {
    /// The endpoint whose answer was used.
    package let endpoint: EndpointIndex
    /// From the question to the answer: with waiting, retries and further endpoints.
    package let duration: Interval

    package init(endpoint: EndpointIndex, duration: Interval) {
        self.endpoint = endpoint
        self.duration = duration
    }
}

/// What a request is about, as metrics tell requests apart.
package enum RequestSubject: Equatable, Sendable {
    case operation(Operation)
    /// The agent's own cache: its report or its purge.
    case cache
    /// The path leads nowhere, or the bytes are no request.
    case unknown
}

/// Is told of each request once, when its answer is written.
package protocol RequestObserver: Sendable {
    /// Called on the event loop that serves the connection: must not wait, and should not allocate.
    func requestEnded(_ record: RequestRecord)
}

/// Concludes the requests of one connection. Both versions of HTTP make their records here.
struct RequestRecorder: Sendable {
    private let observer: any RequestObserver
    private let log: RequestLog

    init(_ context: ServerLoop.ServerContext) {
        self.observer = context.observer
        self.log = RequestLog(context.logger)
    }

    @inline(__always)
    func conclude(
        _ request: (any RoutedRequest)?, _ id: RequestID, from peer: Peer, _ outcome: AnswerOutcome,
        after duration: Interval
    ) {
        let record = RequestRecord(id: id, peer: peer, request: request, outcome: outcome, duration: duration)
        self.observer.requestEnded(record)
        self.log.requestEnded(record)
    }
}
