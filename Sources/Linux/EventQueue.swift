// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc

/// What happens to many descriptors, for one thread to wait for: epoll(7), level-triggered unless asked otherwise.
package struct EventQueue: ~Copyable, Sendable {
    /// What to be told of. That a peer has gone or a socket is broken is told always.
    package struct Interest: Equatable, Sendable {
        /// That there is something to read, or the end of it.
        package var input: Bool
        /// That there is room to write.
        package var output: Bool
        /// Whether only that something has come is told of, once, and not that it is still there. Spares the kernel
        /// another look at each descriptor that was told of.
        package var isOnEdge: Bool

        package init(input: Bool, output: Bool, isOnEdge: Bool = false) {
            self.input = input
            self.output = output
            self.isOnEdge = isOnEdge
        }

        package static var input: Interest { Interest(input: true, output: false) }
        package static var newInput: Interest { Interest(input: true, output: false, isOnEdge: true) }
        package static var nothing: Interest { Interest(input: false, output: false) }

        fileprivate var events: UInt32 {
            (self.input ? EPOLLIN.rawValue : 0) | (self.output ? EPOLLOUT.rawValue : 0)
                | (self.isOnEdge ? EPOLLET.rawValue | EPOLLRDHUP.rawValue : 0)
        }
    }

    package struct Event {
        /// What the descriptor was registered with.
        package let token: UInt64
        fileprivate let happened: UInt32

        package var hasInput: Bool { self.happened & EPOLLIN.rawValue != 0 }
        package var hasRoom: Bool { self.happened & EPOLLOUT.rawValue != 0 }
        /// The peer sends nothing more. There may be something left to read.
        package var inputHasEnded: Bool {
            self.happened & (EPOLLRDHUP.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0
        }
        /// Nothing can be sent any more. There may be something left to read.
        package var hasFailed: Bool { self.happened & (EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 }
    }

    /// Room for events that have happened.
    @safe package struct Batch {
        fileprivate var events: [epoll_event]
        package fileprivate(set) var count = 0

        package init(capacity: Int = 64) {
            unsafe self.events = [epoll_event](repeating: epoll_event(), count: capacity)
        }

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

    /// Waits until there are events or `deadline` has passed.
    ///
    /// - Parameter now: as of the last look at the clock; if that is long ago, the wait is so much longer.
    package func wait(into batch: inout Batch, until deadline: Instant, now: Instant = .now()) {
        let timeout = Self.milliseconds(until: deadline, now: now)
        let count = unsafe epoll_wait(self.descriptor.number, &batch.events, CInt(batch.events.count), timeout)
        batch.count = max(0, Int(count))  // It fails where a signal comes.
    }

    /// Rounded up, so that what is waited for has come when the wait is over; -1 for ever.
    private static func milliseconds(until deadline: Instant, now: Instant) -> CInt {
        guard deadline < .distantFuture else { return -1 }
        let left = (deadline - now).nanoseconds
        return left <= 0 ? 0 : CInt(clamping: (left + 999_999) / 1_000_000)
    }

    // MARK: Descriptors

    /// Tells of events on a descriptor, until that is closed.
    package func add(_ descriptor: borrowing Descriptor, for interest: Interest, token: UInt64) throws(SystemError) {
        try self.control(EPOLL_CTL_ADD, descriptor, interest, token)
    }

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

    /// Has the waiting thread find input, which stays. Callable from any thread.
    package func call() { eventfd_write(self.descriptor.number, 1) }
}
