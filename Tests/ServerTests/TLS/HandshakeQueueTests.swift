// SPDX-License-Identifier: Apache-2.0

import Linux
import Slots
import Testing

@testable import Server

@Suite struct HandshakeQueueTests {
    private func id(_ number: UInt64) -> HandshakeQueue.ID { .init(rawValue: number) }
    private func at(_ seconds: Int) -> Instant { .distantPast + .seconds(seconds) }

    @Test func theOldestOfTooManyGoes() {
        var queue = HandshakeQueue()
        for number in 1...3 { queue.begin(self.id(UInt64(number)), now: self.at(number)) }
        queue.begin(self.id(1), now: self.at(10))  // It says more, and is no younger for that.
        #expect(queue.takeOldest(beyond: 3, before: self.at(10)) == nil)
        #expect(queue.takeOldest(beyond: 2, before: self.at(0)) == nil)
        #expect(queue.takeOldest(beyond: 2, before: self.at(1)) == self.id(1))
        #expect(queue.takeOldest(beyond: 2, before: self.at(10)) == nil)
    }

    @Test func thoseThatAreOverDoNotCount() {
        var queue = HandshakeQueue()
        for number in 1...4 { queue.begin(self.id(UInt64(number)), now: self.at(number)) }
        queue.end(self.id(1))
        queue.end(self.id(3))
        queue.end(self.id(9))
        #expect(queue.takeOldest(beyond: 2, before: self.at(10)) == nil)
        #expect(queue.takeOldest(beyond: 1, before: self.at(10)) == self.id(2))
        #expect(queue.takeOldest(beyond: 0, before: self.at(10)) == self.id(4))
        #expect(queue.takeOldest(beyond: 0, before: self.at(10)) == nil)
    }
}
