// SPDX-License-Identifier: Apache-2.0

import CCurl
import Glibc
import Synchronization

/// Commands of callers for the engine's thread, in order. The only way to reach that thread.
///
/// Needs no limit: each waiting task sends at most two commands.
final class EngineInbox: Sendable {
    enum Command: Sendable {
        case start(PendingTransfer, in: PoolState)
        case cancel(PendingTransfer, in: PoolState)
        case retire(PoolState)
        /// The continuation is resumed when everything has stopped.
        case stop(CheckedContinuation<Void, Never>?)
    }

    /// An eventfd(2) that becomes readable when a command arrives while the thread sleeps.
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

    /// - Returns: false if the engine was stopped; the command is then not accepted.
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

    /// Swaps the pending commands with `inbox`, which must be empty. The thread counts as awake afterwards: commands do
    /// not signal ``wakeUp``.
    func take(into inbox: inout [Command]) {
        self.state.withLock { state in
            state.isAsleep = false
            swap(&state.inbox, &inbox)
        }
    }

    /// - Returns: whether the thread may sleep: there is no command, and the next one will signal ``wakeUp``.
    func fallAsleep() -> Bool {
        self.state.withLock { state in
            state.isAsleep = state.inbox.isEmpty
            return state.isAsleep
        }
    }

    /// Accepts no more commands.
    func close(into inbox: inout [Command]) {
        self.state.withLock { state in
            state.isClosed = true
            swap(&state.inbox, &inbox)
        }
    }
}
