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
    /// - Parameter isNew: whether it is watched for the first time, or for something else.
    func watch(_ tag: Tag, for events: UInt32, isNew: Bool) {
        var event = unsafe epoll_event(events: events, data: epoll_data_t(u64: tag.bits))
        unsafe epoll_ctl(self.descriptor, isNew ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, tag.descriptor, &event)
    }

    func forget(_ descriptor: CInt) {
        epoll_ctl(self.descriptor, EPOLL_CTL_DEL, descriptor, nil)
    }

    /// Sleeps until there is something to report, and reports it.
    ///
    /// - Parameter milliseconds: the longest sleep; -1 for ever.
    func sleep(milliseconds: CInt, _ report: (Tag, _ events: UInt32) -> Void) {
        let count = unsafe epoll_wait(self.descriptor, self.events.baseAddress, CInt(self.events.count), milliseconds)
        for index in 0..<max(0, Int(count)) {
            let event = unsafe self.events[index]
            unsafe report(Tag(bits: event.data.u64), event.events)
        }
    }
}

extension Poller.Tag {
    fileprivate init(bits: UInt64) {
        self.init(pool: UInt32(truncatingIfNeeded: bits >> 32), descriptor: CInt(truncatingIfNeeded: bits))
    }

    fileprivate var bits: UInt64 { UInt64(self.pool) << 32 | UInt64(UInt32(bitPattern: self.descriptor)) }
}
