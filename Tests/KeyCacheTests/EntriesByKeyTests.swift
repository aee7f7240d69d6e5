// SPDX-License-Identifier: Apache-2.0

import KeyService
import Primitives
import TestSupport
import Testing

@testable import KeyCache

@Suite struct EntriesByKeyTests {
    @Test("a purge ends the entries of one key")
    func purge() {
        var entriesByKey = EntriesByKey()
        let first = entriesByKey.enter(.named("a"))
        let second = entriesByKey.enter(.named("a"))
        let other = entriesByKey.enter(.named("b"))
        #expect(entriesByKey.purge(.named("a")) == 2)
        #expect(!entriesByKey.isLive(first) && !entriesByKey.isLive(second) && entriesByKey.isLive(other))
        #expect(entriesByKey.purge(.named("a")) == 0)
        #expect(entriesByKey.purge(.named("c")) == 0)
        #expect(entriesByKey.liveCount == 1 && entriesByKey.purgedCount == 2)
    }

    @Test("what comes after a purge lives")
    func afterAPurge() {
        var entriesByKey = EntriesByKey()
        let before = entriesByKey.enter(.named("a"))
        _ = entriesByKey.purge(.named("a"))
        let after = entriesByKey.enter(.named("a"))
        #expect(!entriesByKey.isLive(before) && entriesByKey.isLive(after))
        entriesByKey.leave(before)
        #expect(entriesByKey.isLive(after))
        #expect(entriesByKey.liveCount == 1 && entriesByKey.purgedCount == 0)
    }

    @Test("an account that was closed and goes to another key does not bring its entries back")
    func closedAccounts() {
        var entriesByKey = EntriesByKey()
        entriesByKey.leave(entriesByKey.enter(.named("a")))
        let entry = entriesByKey.enter(.named("b"))
        #expect(entriesByKey.purge(.named("a")) == 0)
        #expect(entriesByKey.isLive(entry))
    }

    @Test("counts as a list of entries would", arguments: 1...20 as ClosedRange<UInt64>)
    func naively(seed: UInt64) {
        var lots = SeededGenerator(seed: seed)
        var entriesByKey = EntriesByKey()
        var entries: [(name: KeyName, stamp: EntriesByKey.Stamp, isLive: Bool)] = []
        let names = (0..<5).map { KeyName.named("key-\($0)") }
        for _ in 1...500 {
            let name = names[Int.random(in: names.indices, using: &lots)]
            switch Int.random(in: 0..<20, using: &lots) {
            case 0..<10:
                entries.append((name, entriesByKey.enter(name), true))
            case 10..<17:
                guard let index = entries.indices.randomElement(using: &lots) else { break }
                entriesByKey.leave(entries.remove(at: index).stamp)
            case 17..<19:
                #expect(entriesByKey.purge(name) == entries.count { $0.isLive && $0.name == name })
                for index in entries.indices where entries[index].name == name { entries[index].isLive = false }
            case _:
                #expect(entriesByKey.purgeAll() == entries.count(where: \.isLive))
                for index in entries.indices { entries[index].isLive = false }
            }
            #expect(entriesByKey.liveCount == entries.count(where: \.isLive))
            #expect(entriesByKey.purgedCount == entries.count { !$0.isLive })
            #expect(entries.allSatisfy { entriesByKey.isLive($0.stamp) == $0.isLive })
        }
    }
}
