// SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import HTTPServer

@Suite struct UnauthenticatedConnectionsTests {
    @Test func theOldestOfThoseLeftIsTaken() {
        var connections = UnauthenticatedConnections()
        let serials = (0..<4).map { connections.append(onLoop: $0) }
        let removed = [0, 0, 2].map { connections.remove(serials[$0]) }
        #expect(removed == [true, false, true])
        #expect(connections.count == 2)
        let first = connections.takeOldest()
        #expect(first?.serial == serials[1] && first?.loop == 1)
        let next = connections.append(onLoop: 9)
        let others = (0..<3).map { _ in connections.takeOldest()?.serial }
        #expect(others == [serials[3], next, nil])
    }
}

@Suite struct ConnectionCountTests {
    private typealias Serial = UnauthenticatedConnections.Serial

    /// - Returns: the number of the connection that was admitted and of the one dropped for it; nil if it was refused.
    private func admit(to count: ConnectionCount) -> (serial: Serial?, dropped: Serial?)? {
        switch count.admit(onLoop: 0) {
        case .refused: nil
        case .admitted(let serial, let dropped): (serial, dropped?.serial)
        }
    }

    @Test func noMoreConnectionsAreAdmittedThanTheLimit() async {
        let count = ConnectionCount(limit: 100)
        let admitted = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask { (0..<1000).count { _ in self.admit(to: count) != nil } }
            }
            return await group.reduce(0, +)
        }
        #expect(admitted == 100)
        #expect(count.current == 100)
        #expect(count.refused == 7900)
        count.leave(nil)
        #expect(self.admit(to: count) != nil)
        #expect(self.admit(to: count) == nil)
    }

    @Test func theOldestUnauthenticatedConnectionMakesRoom() throws {
        let count = ConnectionCount(limit: 10, unauthenticatedLimit: 2)
        let first = try #require(self.admit(to: count)?.serial)
        let second = try #require(self.admit(to: count)?.serial)
        #expect(self.admit(to: count)?.dropped == first)
        #expect(!count.authenticated(first), "it is too late")
        #expect(count.authenticated(second))
        #expect((count.current, count.unauthenticated, count.droppedUnauthenticated) == (3, 1, 1))
        count.leave(first)
        count.leave(nil)
        #expect((count.current, count.unauthenticated) == (1, 1))
    }

    @Test func onlyKnownClientsHaveAConnectionRefused() throws {
        let count = ConnectionCount(limit: 3, unauthenticatedLimit: 2)
        for _ in 0..<2 { #expect(count.authenticated(try #require(self.admit(to: count)?.serial))) }
        let stranger = try #require(self.admit(to: count)?.serial)
        let other = try #require(self.admit(to: count))
        #expect(other.dropped == stranger)
        #expect(count.authenticated(try #require(other.serial)))
        #expect(self.admit(to: count) == nil)
        count.leave(stranger)
        #expect(self.admit(to: count) == nil, "the place of the stranger was taken")
        count.leave(nil)
        #expect(self.admit(to: count) != nil)
    }

    /// Random connections come, authenticate and leave; a dropped one leaves later.
    @Test(arguments: UInt64(1)...50)
    func neitherLimitIsExceeded(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let limit = Int.random(in: 1...8, using: &random)
        let unauthenticatedLimit = Int.random(in: 1...8, using: &random)
        let count = ConnectionCount(limit: limit, unauthenticatedLimit: unauthenticatedLimit)
        var (unknown, dropped): ([Serial], [Serial]) = ([], [])
        var knownCount = 0
        for _ in 0..<1_000 {
            switch Int.random(in: 0..<8, using: &random) {
            case 0...2:
                guard let (serial, victim) = self.admit(to: count) else {
                    #expect(knownCount == limit && unknown.isEmpty)
                    continue
                }
                if let victim {
                    #expect(unknown.first == victim)
                    unknown.removeFirst()
                    dropped.append(victim)
                }
                if let serial { unknown.append(serial) }
            case 3:
                guard let index = unknown.indices.randomElement(using: &random) else { continue }
                #expect(count.authenticated(unknown.remove(at: index)))
                knownCount += 1
            case 4 where knownCount > 0:
                knownCount -= 1
                count.leave(nil)
            case 5 where knownCount > 0:
                knownCount -= 1
                let (serial, victim) = count.deauthenticated(onLoop: 0)
                if let victim {
                    #expect(unknown.first == victim.serial)
                    dropped.append(unknown.removeFirst())
                }
                unknown.append(serial)
            case _:
                guard let index = dropped.indices.randomElement(using: &random) else { continue }
                count.leave(dropped.remove(at: index))
            }
            #expect(unknown.count <= unauthenticatedLimit && unknown.count + knownCount <= limit)
            #expect(count.current == unknown.count + knownCount + dropped.count)
            #expect(count.unauthenticated == unknown.count)
        }
    }
}
