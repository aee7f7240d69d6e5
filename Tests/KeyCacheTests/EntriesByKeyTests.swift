// SPDX-License-Identifier: Apache-2.0

import KeyService
import Primitives
import TestSupport
import Testing

@testable import KeyCache

@Suite struct EntriesByKeyTests {
    @Test("a purge ends the entries of one key")
    func purge() {
        var ledger = EntriesByKey()
        let first = ledger.enter(.named("a"))
        let second = ledger.enter(.named("a"))
        let other = ledger.enter(.named("b"))
        #expect(ledger.purge(.named("a")) == 2)
        #expect(!ledger.isLive(first) && !ledger.isLive(second) && ledger.isLive(other))
        #expect(ledger.purge(.named("a")) == 0)
        #expect(ledger.purge(.named("c")) == 0)
        #expect(ledger.liveCount == 1 && ledger.purgedCount == 2)
    }

    @Test("what comes after a purge lives")
    func afterAPurge() {
        var ledger = EntriesByKey()
        let before = ledger.enter(.named("a"))
        _ = ledger.purge(.named("a"))
        let after = ledger.enter(.named("a"))
        #expect(!ledger.isLive(before) && ledger.isLive(after))
        ledger.leave(before)
        #expect(ledger.isLive(after))
        #expect(ledger.liveCount == 1 && ledger.purgedCount == 0)
    }

    @Test("an account that was closed and goes to another key does not bring its entries back")
    func closedAccounts() {
        var ledger = EntriesByKey()
        ledger.leave(ledger.enter(.named("a")))
        let entry = ledger.enter(.named("b"))
        #expect(ledger.purge(.named("a")) == 0)
        #expect(ledger.isLive(entry))
    }

    @Test("counts as a list of entries would", arguments: 1...20 as ClosedRange<UInt64>)
    func naively(seed: UInt64) {
        var lots = SeededGenerator(seed: seed)
        var ledger = EntriesByKey()
        var entries: [(name: KeyName, stamp: EntriesByKey.Stamp, isLive: Bool)] = []
        let names = (0..<5).map { KeyName.named("key-\($0)") }
        for _ in 1...500 {
            let name = names[Int.random(in: names.indices, using: &lots)]
            switch Int.random(in: 0..<20, using: &lots) {
            case 0..<10:
                entries.append((name, ledger.enter(name), true))
            case 10..<17:
                guard let index = entries.indices.randomElement(using: &lots) else { break }
                ledger.leave(entries.remove(at: index).stamp)
            case 17..<19:
                #expect(ledger.purge(name) == entries.count { $0.isLive && $0.name == name })
                for index in entries.indices where entries[index].name == name { entries[index].isLive = false }
            case _:
                #expect(ledger.purgeAll() == entries.count(where: \.isLive))
                for index in entries.indices { entries[index].isLive = false }
            }
            #expect(ledger.liveCount == entries.count(where: \.isLive))
            #expect(ledger.purgedCount == entries.count { !$0.isLive })
            #expect(entries.allSatisfy { ledger.isLive($0.stamp) == $0.isLive })
        }
    }
}
