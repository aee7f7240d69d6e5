// SPDX-License-Identifier: Apache-2.0

/// How much time and room requests to key servers get.
package struct UpstreamOptions: Equatable, Sendable {
    /// For a request as a whole: waiting for its turn, every attempt, and the pauses between them.
    package var timeout = Duration.seconds(10)
    /// How long a key server may take to be reached, and so how long requests wait for one when none is.
    package var connectTimeout = Duration.seconds(2)
    /// Requests under way at a time.
    package var inFlightMax = 512
    /// Requests that wait for their turn. One more is refused.
    package var queuedMax = 2048
    /// Whether a decrypt that takes unusually long is sent to a second endpoint too.
    package var isHedging = false

    package init() {}
}
