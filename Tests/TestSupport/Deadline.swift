// SPDX-License-Identifier: Apache-2.0

import Glibc

/// How long an event may be waited for. Generous: no test passes or fails by time, a hang only becomes a failure.
package struct Deadline: Sendable {
    private let instant: ContinuousClock.Instant

    package static var standard: Deadline { .after(.seconds(180)) }

    package static func after(_ duration: Duration) -> Deadline {
        Deadline(instant: ContinuousClock.now.advanced(by: duration))
    }

    package var hasPassed: Bool { ContinuousClock.now >= self.instant }

    /// Waits until at least one descriptor is ready.
    ///
    /// - Parameter events: `POLLIN` or `POLLOUT`.
    /// - Returns: the indices of those that are.
    package func wait(
        for events: CInt, on descriptors: [CInt], waitingFor event: String
    ) throws(TestFailure) -> [Int] {
        var entries = descriptors.map { pollfd(fd: $0, events: Int16(events), revents: 0) }
        while true {
            let left = ContinuousClock.now.duration(to: self.instant)
            guard left > .zero else { throw .timedOut(waitingFor: event) }
            let count = unsafe poll(&entries, nfds_t(entries.count), CInt(left / .milliseconds(1)) + 1)
            if count > 0 { return entries.indices.filter { entries[$0].revents != 0 } }
            guard count == 0 || errno == EINTR else { throw .system("poll") }
        }
    }
}
