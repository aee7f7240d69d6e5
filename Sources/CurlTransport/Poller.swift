// SPDX-License-Identifier: Apache-2.0

import CCurl
import Glibc

/// epoll(7): what the engine's thread sleeps in. Belongs to that thread.
@safe final class Poller {
    /// What is kept for a descriptor: whose it is.
    struct Tag: Equatable {
        /// The pool's number, 0 for what is no pool's.
        let pool: UInt32
        let descriptor: CInt
    }

    private let descriptor: CInt
    private let events: UnsafeMutableBufferPointer<epoll_event>
    /// What was ``expect(_:)``ed and not yet ``closed(_:)``, each at the place of its descriptor.
    private var expected: [Registration?] = []

    private struct Registration {
        /// What the kernel reports of it; nil if it is not registered.
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

    /// Reports what of `events` becomes true of a descriptor, from now on.
    ///
    /// - Parameter isNew: whether it is watched for the first time, or for something else. Of what is expected, it is
    ///   known here.
    func watch(_ tag: Tag, for events: UInt32, isNew: Bool) {
        guard let registration = self.registration(of: tag.descriptor) else {
            return self.register(tag, for: events, isNew: isNew)
        }
        if registration.events != events { self.register(tag, for: events, isNew: registration.events == nil) }
        self.expected[Int(tag.descriptor)] = Registration(events: events, isWatched: true)
    }

    /// Reports nothing of a descriptor any more.
    ///
    /// What is expected stays registered until the kernel has something to report of it: most likely, it is watched for
    /// the same again before.
    func forget(_ descriptor: CInt) {
        if self.registration(of: descriptor) == nil {
            self.unregister(descriptor)
        } else {
            self.expected[Int(descriptor)]?.isWatched = false
        }
    }

    /// A descriptor was opened that is about to be watched and forgotten many times. Its end has to be told by
    /// ``closed(_:)``.
    func expect(_ descriptor: CInt) {
        let missing = Int(descriptor) + 1 - self.expected.count
        if missing > 0 { self.expected.append(contentsOf: repeatElement(nil, count: missing)) }
        self.expected[Int(descriptor)] = Registration()
    }

    /// The kernel forgets what is closed.
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

    /// Whether a report is for somebody. If not, there are no more of it.
    private func isWatched(_ descriptor: CInt) -> Bool {
        guard let registration = self.registration(of: descriptor), !registration.isWatched else { return true }
        self.unregister(descriptor)
        self.expected[Int(descriptor)] = Registration()
        return false
    }

    /// Sleeps until there is something to report, and reports it.
    ///
    /// - Parameter milliseconds: the longest sleep; -1 for ever.
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
