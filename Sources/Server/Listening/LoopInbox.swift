// SPDX-License-Identifier: Apache-2.0

import Linux
import Slots
import Synchronization

/// What other threads ask of the thread that serves a share of the clients.
final class LoopInbox: Sendable {
    enum Message: Sendable {
        /// Serve this socket, which is the receiver's from now on.
        case adopt(CInt, isAdmitted: Bool, listener: Listener)
        /// A deferred answer.
        case answer(MadeAnswer, serial: Int, to: Slots<Client>.ID)
        /// Take the connections that have come so far, then close the listeners.
        case stopAccepting
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

    /// What the loop waits for: among others, for messages.
    let events: EventQueue
    private let wakeUp: WakeUp
    private let messages = Mutex<[Message]>([])
    /// Clients that the loop has or is about to get.
    private let clientCount = Atomic(0)

    /// The token of the event that there are messages.
    static var token: UInt64 { .max }

    init() throws(SystemError) {
        self.events = try EventQueue()
        self.wakeUp = try WakeUp()
        try self.events.add(self.wakeUp.descriptor, for: .input, token: Self.token)
    }

    func post(_ message: Message) {
        let isFirst = self.messages.withLock { messages in
            messages.append(message)
            return messages.count == 1
        }
        if isFirst { self.wakeUp.call() }
    }

    func takeAll() -> [Message] {
        self.wakeUp.clear()
        return self.messages.withLock { messages in
            defer { messages = [] }
            return messages
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
