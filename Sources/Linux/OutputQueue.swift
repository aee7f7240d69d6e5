// SPDX-License-Identifier: Apache-2.0

import CLinux
import Glibc
import Synchronization

/// A bounded queue of messages for a destination whose writes may block: a pipe that is not read, a socket that is
/// full.
///
/// ``submit(_:isImportant:)`` never waits: a message that does not fit is dropped and counted. A dedicated thread
/// writes, without holding a lock. It may block forever; only ``finish(within:)`` waits for it.
package final class OutputQueue: Sendable {
    /// Maximum unwritten messages and bytes.
    package struct Limits: Sendable {
        let messageCount: Int
        let byteCount: Int

        package init(messageCount: Int, byteCount: Int) {
            self.messageCount = messageCount
            self.byteCount = byteCount
        }
    }

    private struct State {
        var waiting: [String] = []
        /// Messages that wait, and those of the batch that the thread is writing.
        var unwrittenCount = 0
        var unwrittenByteCount = 0
        var dropped = 0
        /// Dropped messages that no report has counted yet.
        var unreported = 0
        /// Whether the thread waits for ``wakeUp``.
        var isIdle = false
        /// Whether the thread returns when everything is written.
        var isFinishing = false
    }

    private let limits: Limits
    private let write: @Sendable (String) -> Bool
    private let reportOfDropped: (@Sendable (Int) -> String)?
    private let state = Mutex(State())
    /// eventfd(2). The thread waits on `wakeUp`, and increments `end` when it returns.
    private let wakeUp: Descriptor
    private let end: Descriptor

    /// - Parameters:
    ///   - threadName: at most 15 bytes.
    ///   - reportOfDropped: makes a message from the number of dropped messages. It is written as soon as the thread
    ///     writes again.
    ///   - write: writes one message on the queue's thread, and returns whether that succeeded. A failed message counts
    ///     as dropped.
    /// - Throws: ``SystemError`` if no descriptor or thread is available.
    package init(
        threadName: String, limits: Limits, reportOfDropped: (@Sendable (Int) -> String)? = nil,
        write: @escaping @Sendable (String) -> Bool
    ) throws(SystemError) {
        self.limits = limits
        self.write = write
        self.reportOfDropped = reportOfDropped
        self.wakeUp = try Self.makeEvent()
        self.end = try Self.makeEvent()
        try DedicatedThread(name: threadName) { self.work() }.detach()
    }

    private static func makeEvent() throws(SystemError) -> Descriptor {
        let number = eventfd(0, CInt(EFD_CLOEXEC))
        guard number >= 0 else { throw SystemError("create", "event descriptor") }
        return Descriptor(owning: number)
    }

    /// Messages that did not fit or could not be written.
    package var droppedCount: Int { self.state.withLock(\.dropped) }

    /// Messages that are not written yet.
    package var unwrittenCount: Int { self.state.withLock(\.unwrittenCount) }

    /// Queues a message, or drops it. Thread-safe.
    ///
    /// - Parameter isImportant: whether it may use the last quarter of the limits.
    package func submit(_ message: String, isImportant: Bool) {
        let byteCount = message.utf8.count
        let wakesUp = self.state.withLock { state in
            guard !state.isFinishing, self.fits(byteCount, isImportant: isImportant, in: state) else {
                state.dropped += 1
                state.unreported += 1
                return false
            }
            state.waiting.append(message)
            state.unwrittenCount += 1
            state.unwrittenByteCount += byteCount
            CrashDelay.count(unwritten: 1)
            defer { state.isIdle = false }
            return state.isIdle
        }
        if wakesUp { eventfd_write(self.wakeUp.number, 1) }
    }

    private func fits(_ byteCount: Int, isImportant: Bool, in state: State) -> Bool {
        let quarters = isImportant ? 4 : 3
        return state.unwrittenCount < self.limits.messageCount / 4 * quarters
            && state.unwrittenByteCount + byteCount <= self.limits.byteCount / 4 * quarters
    }

    /// Accepts no more messages, and waits until the queue is written or `limit` has passed. A blocked thread stays
    /// blocked until the process exits.
    ///
    /// - Returns: whether everything is written.
    @discardableResult package func finish(within limit: Interval) -> Bool {
        let deadline = Instant.now() + limit
        let wakesUp = self.state.withLock { state in
            state.isFinishing = true
            defer { state.isIdle = false }
            return state.isIdle
        }
        if wakesUp { eventfd_write(self.wakeUp.number, 1) }
        var entry = pollfd(fd: self.end.number, events: Int16(POLLIN), revents: 0)
        while true {
            let left = (deadline - .now()).nanoseconds / 1_000_000
            let count = unsafe poll(&entry, 1, CInt(clamping: max(0, left)))
            if count >= 0 || errno != EINTR { return count > 0 }
        }
    }

    // MARK: The thread's side

    private func work() {
        while let batch = self.nextBatch() {
            for message in batch {
                let isWritten = self.write(message)
                self.state.withLock { state in
                    state.unwrittenCount -= 1
                    state.unwrittenByteCount -= message.utf8.count
                    if !isWritten {
                        state.dropped += 1
                        state.unreported += 1
                    }
                }
                CrashDelay.count(unwritten: -1)
            }
            self.reportDropped()
        }
        eventfd_write(self.end.number, 1)
    }

    /// Waits for messages.
    ///
    /// - Returns: nil if the queue is finished.
    private func nextBatch() -> [String]? {
        while true {
            let (batch, isFinished) = self.state.withLock { state -> ([String], Bool) in
                state.isIdle = state.waiting.isEmpty && !state.isFinishing
                defer { state.waiting = [] }
                return (state.waiting, state.waiting.isEmpty && state.isFinishing)
            }
            if isFinished { return nil }
            if !batch.isEmpty { return batch }
            var count = eventfd_t()
            unsafe eventfd_read(self.wakeUp.number, &count)
        }
    }

    private func reportDropped() {
        guard let reportOfDropped = self.reportOfDropped else { return }
        let count = self.state.withLock { state in
            defer { state.unreported = 0 }
            return state.unreported
        }
        guard count > 0, !self.write(reportOfDropped(count)) else { return }
        self.state.withLock { $0.unreported += count }
    }
}
