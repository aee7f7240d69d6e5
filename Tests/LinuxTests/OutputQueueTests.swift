// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import Synchronization
import TestSupport
import Testing

/// A queue in front of a destination that may block.
@Suite(.timeLimit(.minutes(5))) struct OutputQueueTests {
    /// Blocks its writer until it is opened. Fails to write the messages in `failing`.
    private final class Destination: Sendable {
        private let gate: Mutex<Bool>
        private let taken = Mutex<[String]>([])
        private let failing: Set<String>

        init(isOpen: Bool = true, failing: Set<String> = []) {
            self.gate = Mutex(isOpen)
            self.failing = failing
        }

        func open() { self.gate.withLock { $0 = true } }

        func write(_ message: String) -> Bool {
            while !self.gate.withLock({ $0 }) { sched_yield() }
            guard !self.failing.contains(message) else { return false }
            self.taken.withLock { $0.append(message) }
            return true
        }

        var messages: [String] { self.taken.withLock { $0 } }
    }

    private func queue(
        to destination: Destination, count: Int = 8, byteCount: Int = 4000
    ) throws(SystemError) -> OutputQueue {
        try OutputQueue(
            threadName: "test", limits: .init(messageCount: count, byteCount: byteCount),
            reportOfDropped: { "dropped \($0)" }, write: destination.write)
    }

    @Test func messagesAreWrittenInTheirOrder() throws {
        let destination = Destination()
        let queue = try self.queue(to: destination, count: 4000)
        let messages = (0..<1000).map { "\($0)" }
        for message in messages { queue.submit(message, isImportant: false) }
        #expect(queue.finish(within: .seconds(60)))
        #expect(destination.messages == messages)
        #expect(queue.droppedCount == 0 && queue.unwrittenCount == 0)
    }

    @Test func messagesOfManyThreadsAreAllWritten() async throws {
        let destination = Destination()
        let queue = try self.queue(to: destination, count: 40_000, byteCount: 1 << 20)
        await withTaskGroup { group in
            for writer in 0..<8 {
                group.addTask {
                    await onThread { for index in 0..<500 { queue.submit("\(writer) \(index)", isImportant: false) } }
                }
            }
        }
        #expect(queue.finish(within: .seconds(60)))
        #expect(Set(destination.messages).count == 4000)
    }

    @Test func whatDoesNotFitIsDroppedAndReported() throws {
        let destination = Destination(isOpen: false)
        let queue = try self.queue(to: destination)
        for index in 0..<10 { queue.submit("\(index)", isImportant: false) }
        #expect(queue.droppedCount == 4 && queue.unwrittenCount == 6)
        // The last quarter is for what matters.
        for index in 0..<10 { queue.submit("important \(index)", isImportant: true) }
        #expect(queue.droppedCount == 12 && queue.unwrittenCount == 8)
        destination.open()
        #expect(queue.finish(within: .seconds(60)))
        let (reports, messages) = destination.messages.reduce(into: ([String](), [String]())) { both, message in
            if message.hasPrefix("dropped") { both.0.append(message) } else { both.1.append(message) }
        }
        #expect(messages == (0..<6).map { "\($0)" } + ["important 0", "important 1"])
        #expect(reports == ["dropped 12"])
    }

    @Test func bytesAreBoundedToo() throws {
        let destination = Destination(isOpen: false)
        let queue = try self.queue(to: destination, count: 1000, byteCount: 4000)
        let message = String(repeating: "x", count: 1000)
        for _ in 0..<5 { queue.submit(message, isImportant: true) }
        #expect(queue.unwrittenCount == 4 && queue.droppedCount == 1)
        destination.open()
        #expect(queue.finish(within: .seconds(60)))
    }

    @Test func aMessageThatCannotBeWrittenCountsAsDropped() throws {
        let destination = Destination(failing: ["bad"])
        let queue = try self.queue(to: destination)
        for message in ["good", "bad", "better"] { queue.submit(message, isImportant: true) }
        #expect(queue.finish(within: .seconds(60)))
        #expect(queue.droppedCount == 1)
        #expect(destination.messages.filter { $0 != "dropped 1" } == ["good", "better"])
        #expect(destination.messages.contains("dropped 1"))
    }

    @Test func finishingDoesNotWaitForADestinationThatIsStuck() throws {
        let destination = Destination(isOpen: false)
        let queue = try self.queue(to: destination)
        queue.submit("never", isImportant: true)
        #expect(!queue.finish(within: .milliseconds(1)))
        queue.submit("too late", isImportant: true)
        #expect(queue.droppedCount == 1)
        destination.open()
    }
}
