// SPDX-License-Identifier: Apache-2.0

/// Delays between retries when no event shows that a retry can succeed: each delay is twice the last one, up to a
/// maximum.
package struct Backoff: Equatable, Sendable {
    private let longest: Duration
    private var upcoming: Duration

    package init(from shortest: Duration, to longest: Duration) {
        self.upcoming = shortest
        self.longest = longest
    }

    /// For a lack of memory, which ends with any request; most requests take some milliseconds.
    package static var forMemory: Backoff { Backoff(from: .milliseconds(2), to: .milliseconds(100)) }

    /// The delay before the next retry. Doubles with each call, up to `longest`.
    package mutating func next() -> Duration {
        defer { self.upcoming = min(self.upcoming * 2, self.longest) }
        return self.upcoming
    }
}
