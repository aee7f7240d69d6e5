// SPDX-License-Identifier: Apache-2.0

import CCurl
import Glibc

/// The epoll(7) instance that the engine's thread sleeps in. Owned by that thread.
@safe final class Poller {
    /// Identifies a registered descriptor.
    struct Tag: Equatable {
        /// The pool's number; 0 for descriptors of no pool.
        let pool: UInt32
        let descriptor: CInt
    }

    private let descriptor: CInt
    private let events: UnsafeMutableBufferPointer<epoll_event>
    /// Registrations by descriptor, from ``expect(_:)`` to ``closed(_:)``.
    private var expected: [Registration?] = []

    private struct Registration {
        /// The events that the kernel reports; nil if the descriptor is not registered.
        var events: UInt32?
        var isWatched = false
    }

    /// `EPOLL…` as a number.
    static let readable = EPOLLIN.rawValue
    static let writable = EPOLLOUT.rawValue
    static let failed = EPOLLERR.rawValue | EPOLLHUP.rawValue
    static let onEdge = EPOLLET.rawValue

    init() throws(CurlSetupError) {
        self.descriptor = epoll_create1(CInt(EPOLL_CLOEXEC))
        guard self.descriptor >= 0 else { throw .system(call: "epoll_create1", code: errno) }
        unsafe self.events = .allocate(capacity: 64)
    }

    deinit {
        close(self.descriptor)
        unsafe self.events.deallocate()
    }

    /// Starts reporting events of a descriptor.
    ///
    /// - Parameter isNew: whether its registration is new or changes. Ignored for expected descriptors, whose
    ///   registration is known.
    func watch(_ tag: Tag, for events: UInt32, isNew: Bool) {
        guard let registration = self.registration(of: tag.descriptor) else {
            return self.register(tag, for: events, isNew: isNew)
        }
        if registration.events != events { self.register(tag, for: events, isNew: registration.events == nil) }
        self.expected[Int(tag.descriptor)] = Registration(events: events, isWatched: true)
    }

    /// Stops reporting events of a descriptor.
    ///
    /// An expected descriptor stays registered until the kernel next reports an event, because it will probably be
    /// watched for the same events again before.
    func forget(_ descriptor: CInt) {
        if self.registration(of: descriptor) == nil {
            self.unregister(descriptor)
        } else {
            self.expected[Int(descriptor)]?.isWatched = false
        }
    }

    /// Announces a descriptor that will be watched and unwatched many times. ``closed(_:)`` must follow.
    func expect(_ descriptor: CInt) {
        let missing = Int(descriptor) + 1 - self.expected.count
        if missing > 0 { self.expected.append(contentsOf: repeatElement(nil, count: missing)) }
        self.expected[Int(descriptor)] = Registration()
    }

    /// The kernel removes a closed descriptor itself.
    func closed(_ descriptor: CInt) {
        if self.registration(of: descriptor) != nil { self.expected[Int(descriptor)] = nil }
    }

    private func registration(of descriptor: CInt) -> Registration? {
        Int(descriptor) < self.expected.count ? self.expected[Int(descriptor)] : nil
    }

    private func register(_ tag: Tag, for events: UInt32, isNew: Bool) {
        var event = unsafe epoll_event(events: events, data: epoll_data_t(u64: tag.bits))
        unsafe epoll_ctl(self.descriptor, isNew ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, tag.descriptor, &event)
    }

    private func unregister(_ descriptor: CInt) {
        epoll_ctl(self.descriptor, EPOLL_CTL_DEL, descriptor, nil)
    }

    /// Whether an event is wanted. If not, the descriptor is unregistered.
    private func isWatched(_ descriptor: CInt) -> Bool {
        guard let registration = self.registration(of: descriptor), !registration.isWatched else { return true }
        self.unregister(descriptor)
        self.expected[Int(descriptor)] = Registration()
        return false
    }

    /// Sleeps until there are events, and reports them.
    ///
    /// - Parameter milliseconds: maximum sleep; -1: no limit.
    func sleep(milliseconds: CInt, _ report: (Tag, _ events: UInt32) -> Void) {
        let count = unsafe epoll_wait(self.descriptor, self.events.baseAddress, CInt(self.events.count), milliseconds)
        for index in 0..<max(0, Int(count)) {
            let event = unsafe self.events[index]
            let tag = unsafe Tag(bits: event.data.u64)
            if self.isWatched(tag.descriptor) { unsafe report(tag, event.events) }
        }
    }
}

extension Poller.Tag {
    fileprivate init(bits: UInt64) {
        self.init(pool: UInt32(truncatingIfNeeded: bits >> 32), descriptor: CInt(truncatingIfNeeded: bits))
    }

    fileprivate var bits: UInt64 { UInt64(self.pool) << 32 | UInt64(UInt32(bitPattern: self.descriptor)) }
}
