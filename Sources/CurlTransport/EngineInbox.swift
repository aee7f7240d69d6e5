// SPDX-License-Identifier: Apache-2.0

import CCurl
import Glibc
import Synchronization

/// What callers want of the engine's thread, in the order they said it: the only way to that thread.
///
/// Its length needs no bound of its own: there are at most two orders for each task that waits.
final class EngineInbox: Sendable {
    enum Command: Sendable {
        case start(PendingTransfer, in: PoolState)
        case cancel(PendingTransfer, in: PoolState)
        case retire(PoolState)
        /// Whoever wants to know is told when all has ended.
        case stop(CheckedContinuation<Void, Never>?)
    }

    /// An eventfd(2) that becomes readable when there are orders and the thread sleeps.
    let wakeUp: CInt
    private let state = Mutex(State())

    private struct State: ~Copyable {
        var inbox: [Command] = []
        var isAsleep = false
        var isClosed = false
    }

    init() throws(CurlSetupError) {
        self.wakeUp = eventfd(0, CInt(EFD_CLOEXEC) | CInt(EFD_NONBLOCK))
        guard self.wakeUp >= 0 else { throw .system(call: "eventfd", code: errno) }
    }

    deinit { Glibc.close(self.wakeUp) }

    /// - Returns: false if the engine was stopped, and the order is not taken.
    func post(_ command: Command) -> Bool {
        let (isTaken, isFirst) = self.state.withLock { state in
            guard !state.isClosed else { return (false, false) }
            state.inbox.append(command)
            defer { state.isAsleep = false }
            return (true, state.isAsleep)
        }
        if isFirst { eventfd_write(self.wakeUp, 1) }
        return isTaken
    }

    // MARK: The thread's side

    /// Swaps what has come for `inbox`, which is empty. The thread is awake: nobody rings until it falls asleep.
    func take(into inbox: inout [Command]) {
        self.state.withLock { state in
            state.isAsleep = false
            swap(&state.inbox, &inbox)
        }
    }

    /// - Returns: whether the thread may sleep: there are no orders, and the next one will ring.
    func fallAsleep() -> Bool {
        self.state.withLock { state in
            state.isAsleep = state.inbox.isEmpty
            return state.isAsleep
        }
    }

    /// Takes no more orders.
    func close(into inbox: inout [Command]) {
        self.state.withLock { state in
            state.isClosed = true
            swap(&state.inbox, &inbox)
        }
    }
}
