// SPDX-License-Identifier: Apache-2.0

import Linux
import Slots

/// Handshakes that are under way, in the order in which they began.
struct HandshakeQueue {
    typealias ID = Slots<Client>.ID

    private var underWay: Set<ID> = []
    /// Those under way, and behind the first of them some that are over.
    private var begun: [(id: ID, at: Instant)] = []

    /// A client has said something, for the first time or again.
    mutating func begin(_ id: ID, now: Instant) {
        guard self.underWay.insert(id).inserted else { return }
        self.forgetThoseThatAreOver()
        self.begun.append((id, now))
    }

    mutating func end(_ id: ID) { self.underWay.remove(id) }

    /// Takes out the oldest, if there are more than `countMax` and it began at `limit` or before.
    mutating func takeOldest(beyond countMax: Int, before limit: Instant) -> ID? {
        guard self.underWay.count > countMax else { return nil }
        self.forgetThoseThatAreOver()
        guard let oldest = self.begun.first, oldest.at <= limit else { return nil }
        self.underWay.remove(oldest.id)
        return oldest.id
    }

    private mutating func forgetThoseThatAreOver() {
        let count = self.begun.prefix { !self.underWay.contains($0.id) }.count
        if count > 0 { self.begun.removeFirst(count) }
    }
}
