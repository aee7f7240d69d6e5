// SPDX-License-Identifier: Apache-2.0

/// Limits of time and number for requests to key servers.
package struct ClusterOptions: Equatable, Sendable {
    /// For a request as a whole: its time in the queue, every attempt, and the pauses between them.
    package var timeout = Duration.seconds(10)
    /// How long a key server may take to be reached, and so how long requests wait for one when none is.
    package var connectTimeout = Duration.seconds(2)
    /// Requests in flight: sent to a key server, or waiting for one to return. At least 1.
    package var inFlightMax = 512
    /// Requests that one endpoint has at a time, probes not counted. At least 1.
    ///
    /// A key server answers no sooner if it has more, while over HTTP/1.1 each of them needs a connection and its memory.
    package var inFlightPerEndpointMax = Self.defaultInFlightPerEndpointMax
    /// Requests that wait for a place among those. One more is refused with `.overloaded`.
    package var queuedMax = 2048
    /// Whether a decrypt that takes unusually long is sent to a second endpoint too.
    package var isHedging = false

    package static let defaultInFlightPerEndpointMax = 24
    /// Probes that one endpoint has at a time. They take no place from requests.
    package static let probesPerEndpointMax = EndpointPool.probesOutstandingMax

    package init() {}
}
