// SPDX-License-Identifier: Apache-2.0

import CCurl
import Glibc
import Synchronization

/// What callers want of the engine's thread, in the order they said it: the only way to that thread.
///
/// Its length needs no bound of its own: there are at most two orders for each task that waits.
final class OrderBook: Sendable {
    enum Order: Sendable {
        case start(Flight, in: PoolRecord)
        case cancel(Flight, in: PoolRecord)
        case retire(PoolRecord)
        /// Whoever wants to know is told when all has ended.
        case stop(CheckedContinuation<Void, Never>?)
    }

    /// An eventfd(2) that becomes readable when there are orders and the thread sleeps.
    let bell: CInt
    private let state = Mutex(State())

    private struct State: ~Copyable {
        var orders: [Order] = []
        var isAsleep = false
        var isClosed = false
    }

    init() throws(CurlSetupError) {
        self.bell = eventfd(0, CInt(EFD_CLOEXEC) | CInt(EFD_NONBLOCK))
        guard self.bell >= 0 else { throw .system(call: "eventfd", code: errno) }
    }

    deinit { Glibc.close(self.bell) }

    /// - Returns: false if the engine was stopped, and the order is not taken.
    func post(_ order: Order) -> Bool {
        let (isTaken, isFirst) = self.state.withLock { state in
            guard !state.isClosed else { return (false, false) }
            state.orders.append(order)
            defer { state.isAsleep = false }
            return (true, state.isAsleep)
        }
        if isFirst { eventfd_write(self.bell, 1) }
        return isTaken
    }

    // MARK: The thread's side

    /// Swaps what has come for `orders`, which is empty. The thread is awake: nobody rings until it falls asleep.
    func take(into orders: inout [Order]) {
        self.state.withLock { state in
            state.isAsleep = false
            swap(&state.orders, &orders)
        }
    }

    /// - Returns: whether the thread may sleep: there are no orders, and the next one will ring.
    func fallAsleep() -> Bool {
        self.state.withLock { state in
            state.isAsleep = state.orders.isEmpty
            return state.isAsleep
        }
    }

    /// Takes no more orders.
    func close(into orders: inout [Order]) {
        self.state.withLock { state in
            state.isClosed = true
            swap(&state.orders, &orders)
        }
    }
}
