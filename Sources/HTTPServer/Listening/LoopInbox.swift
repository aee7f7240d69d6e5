// SPDX-License-Identifier: Apache-2.0

import Linux
import Primitives
import Synchronization

/// What other threads ask of the thread that serves a share of the clients.
///
/// Among that are the steps of the tasks that make deferred answers: they run on the loop's thread, since a step costs
/// less than it costs to wake another thread for it.
final class LoopInbox: TaskExecutor {
    enum Message: Sendable {
        /// Run a step of a task.
        case run(UnownedJob)
        /// Serve this socket, which is the receiver's from now on.
        case adopt(CInt, ConnectionCount.Admission, listener: Listener)
        /// Close a connection, if its client is still unauthenticated.
        case drop(UnauthenticatedConnections.Serial)
        /// A deferred answer.
        case answer(MadeAnswer, serial: Int, to: SlotMap<ClientConnection>.ID)
        /// Accept on this socket, which is the receiver's from now on, in place of the one of a listener.
        case replaceSocket(CInt, listener: Int)
        /// Take the connections that have come so far, then close the listeners.
        case stopAccepting
        /// Ask again which unauthenticated clients are known.
        case recognizeClients
        /// Ask again which known clients still are.
        case forgetClients
        /// Have every connection finish what it has.
        case drain
        /// Reply, when the last admitted client has gone, how many had to be cut off at `deadline`.
        case awaitEnd(deadline: Instant, reply: @Sendable (Int) -> Void)
        /// Close everything at once.
        case cutOff
        /// Call, on the loop's thread.
        case call(@Sendable () -> Void)
        case stop
    }

    private struct State: ~Copyable {
        var messages: [Message] = []
        /// Whether the loop has come to its end.
        var isClosed = false
    }

    /// What the loop waits for: among others, for messages.
    let events: EventQueue
    private let wakeUp: WakeUp
    private let state = Mutex(State())
    /// Whether the loop waits for events, or is about to: the next message has to wake it up.
    private let isAsleep = Atomic(false)
    /// Clients that the loop has or is about to get.
    private let clientCount = Atomic(0)

    /// The token of the event that there are messages.
    static var token: UInt64 { .max }

    init() throws(SystemError) {
        self.events = try EventQueue()
        self.wakeUp = try WakeUp()
        // Each call is told once, and never has to be taken away.
        try self.events.add(self.wakeUp.descriptor, for: .newInput, token: Self.token)
    }

    /// - Returns: false if the loop has come to its end, and the message is lost.
    @discardableResult func post(_ message: Message) -> Bool {
        let isTaken = self.state.withLock { state in
            guard !state.isClosed else { return false }
            state.messages.append(message)
            return true
        }
        if isTaken, self.isAsleep.exchange(false, ordering: .acquiringAndReleasing) { self.wakeUp.call() }
        return isTaken
    }

    /// What is left of a task when its loop has come to its end runs like any other task.
    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if !self.post(.run(job)) { globalConcurrentExecutor.enqueue(job) }
    }

    // MARK: The loop's side

    /// Swaps what has come for `messages`, which is empty.
    ///
    /// - Returns: whether anything has come.
    func take(into messages: inout [Message]) -> Bool {
        self.state.withLock { state in
            guard !state.messages.isEmpty else { return false }
            swap(&state.messages, &messages)
            return true
        }
    }

    /// Waits for events, no longer than until `deadline`, and not at all if there are messages.
    ///
    /// - Parameter now: as of the last look at the clock.
    func wait(into batch: inout EventQueue.Batch, until deadline: Instant, now: Instant) {
        // In this order: whoever finds the loop awake has posted what is found here.
        self.isAsleep.store(true, ordering: .releasing)
        let hasMessages = self.state.withLock { !$0.messages.isEmpty }
        self.events.wait(into: &batch, until: hasMessages ? .distantPast : deadline, now: now)
        self.isAsleep.store(false, ordering: .relaxed)
    }

    /// Takes no more messages, and gives out those that have come.
    func close(into messages: inout [Message]) {
        self.state.withLock { state in
            state.isClosed = true
            swap(&state.messages, &messages)
        }
    }

    var load: Int { self.clientCount.load(ordering: .relaxed) }

    func willAdopt() { self.clientCount.wrappingAdd(1, ordering: .relaxed) }
    func hasLost() { self.clientCount.wrappingSubtract(1, ordering: .relaxed) }
}

/// An answer that was made by a task, on its way to the thread that sends it.
final class MadeAnswer: Sendable {
    private let writer: Mutex<ResponseWriter?>

    init(_ writer: consuming ResponseWriter) { self.writer = Mutex(writer) }

    /// The answer, once.
    func take() -> ResponseWriter? { self.writer.withLock { $0.take() } }
}
