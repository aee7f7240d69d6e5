// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// Waits for events of many descriptors on one thread: epoll(7), level-triggered unless requested otherwise.
package struct EventQueue: ~Copyable, Sendable {
    /// The events to report. Errors and hang-ups are always reported.
    package struct Interest: Equatable, Sendable {
        /// Input, or its end, is available to read.
        package var input: Bool
        /// Room to write.
        package var output: Bool
        /// Edge-triggered: reports each arrival once, not that input is still there. Saves the kernel another look at
        /// each reported descriptor.
        package var isOnEdge: Bool

        package init(input: Bool, output: Bool, isOnEdge: Bool = false) {
            self.input = input
            self.output = output
            self.isOnEdge = isOnEdge
        }

        /// Level-triggered input.
        package static var input: Interest { Interest(input: true, output: false) }
        /// Edge-triggered input.
        package static var newInput: Interest { Interest(input: true, output: false, isOnEdge: true) }
        /// Only errors and hang-ups.
        package static var nothing: Interest { Interest(input: false, output: false) }

        fileprivate var events: UInt32 {
            (self.input ? EPOLLIN.rawValue : 0) | (self.output ? EPOLLOUT.rawValue : 0)
                | (self.isOnEdge ? EPOLLET.rawValue | EPOLLRDHUP.rawValue : 0)
        }
    }

    /// What happened to one descriptor.
    package struct Event {
        /// The token that the descriptor was registered with.
        package let token: UInt64
        fileprivate let happened: UInt32

        /// Input, or its end, is available.
        package var hasInput: Bool { self.happened & EPOLLIN.rawValue != 0 }
        /// There is room to write.
        package var hasRoom: Bool { self.happened & EPOLLOUT.rawValue != 0 }
        /// The peer sends nothing more. There may be input left to read.
        package var inputHasEnded: Bool {
            self.happened & (EPOLLRDHUP.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0
        }
        /// Nothing can be sent any more. There may be input left to read.
        package var hasFailed: Bool { self.happened & (EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 }
    }

    /// A buffer for events.
    @safe package struct Batch {
        fileprivate var events: [epoll_event]
        /// Number of events of the last wait.
        package fileprivate(set) var count = 0

        /// - Parameter capacity: maximum number of events per wait.
        package init(capacity: Int = 64) {
            unsafe self.events = [epoll_event](repeating: epoll_event(), count: capacity)
        }

        /// - Precondition: `index` is below ``count``.
        package subscript(_ index: Int) -> Event {
            precondition(index < self.count)
            let event = unsafe self.events[index]
            return unsafe Event(token: event.data.u64, happened: event.events)
        }
    }

    private let descriptor: Descriptor

    package init() throws(SystemError) {
        let number = epoll_create1(CInt(EPOLL_CLOEXEC))
        guard number >= 0 else { throw SystemError("create", "event queue") }
        self.descriptor = Descriptor(owning: number)
    }

    /// Waits for events or until `deadline`.
    ///
    /// - Parameter now: the last reading of the clock. If it is old, the wait lasts longer by its age.
    package func wait(into batch: inout Batch, until deadline: Instant, now: Instant = .now()) {
        let timeout = Self.milliseconds(until: deadline, now: now)
        let count = unsafe epoll_wait(self.descriptor.number, &batch.events, CInt(batch.events.count), timeout)
        batch.count = max(0, Int(count))  // A signal makes it fail.
    }

    /// Rounded up, so that the deadline has passed when the wait ends; -1: no limit.
    private static func milliseconds(until deadline: Instant, now: Instant) -> CInt {
        guard deadline < .distantFuture else { return -1 }
        let left = (deadline - now).nanoseconds
        return left <= 0 ? 0 : CInt(clamping: (left + 999_999) / 1_000_000)
    }

    // MARK: Descriptors

    /// Starts reporting events of a descriptor, until it is closed.
    package func add(_ descriptor: borrowing Descriptor, for interest: Interest, token: UInt64) throws(SystemError) {
        try self.control(EPOLL_CTL_ADD, descriptor, interest, token)
    }

    /// Changes the events to report, and the token.
    package func change(_ descriptor: borrowing Descriptor, to interest: Interest, token: UInt64) throws(SystemError) {
        try self.control(EPOLL_CTL_MOD, descriptor, interest, token)
    }

    private func control(
        _ operation: CInt, _ descriptor: borrowing Descriptor, _ interest: Interest, _ token: UInt64
    ) throws(SystemError) {
        var event = unsafe epoll_event(events: interest.events, data: epoll_data_t(u64: token))
        guard unsafe epoll_ctl(self.descriptor.number, operation, descriptor.number, &event) == 0 else {
            throw SystemError("wait for", "descriptor")
        }
    }
}

/// Ends another thread's wait: eventfd(2).
package struct WakeUp: ~Copyable, Sendable {
    package let descriptor: Descriptor

    package init() throws(SystemError) {
        let number = eventfd(0, CInt(EFD_CLOEXEC) | CInt(EFD_NONBLOCK))
        guard number >= 0 else { throw SystemError("create", "event descriptor") }
        self.descriptor = Descriptor(owning: number)
    }

    /// Makes the waiting thread find input, which stays. Thread-safe.
    package func call() { eventfd_write(self.descriptor.number, 1) }
}
