// SPDX-License-Identifier: Apache-2.0

/// How long to wait before each further try, where no event tells that one may succeed: twice as long each time, up to a
/// bound.
package struct Backoff: Equatable, Sendable {
    private let longest: Duration
    private var upcoming: Duration

    package init(from shortest: Duration, to longest: Duration) {
        self.upcoming = shortest
        self.longest = longest
    }

    /// For memory, which comes back with the end of any request: most take some milliseconds.
    package static var forMemory: Backoff { Backoff(from: .milliseconds(2), to: .milliseconds(100)) }

    package mutating func next() -> Duration {
        defer { self.upcoming = min(self.upcoming * 2, self.longest) }
        return self.upcoming
    }
}
