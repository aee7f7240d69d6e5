// SPDX-License-Identifier: Apache-2.0

import KeyService
import Primitives
import TestSupport
import Testing

@testable import KeyCache

@Suite struct EntryTableTests {
    private static func entry(_ fingerprint: Fingerprint) -> EntryTable.Entry {
        var entriesByKey = EntriesByKey()
        return EntryTable.Entry(
            fingerprint, confirmedAt: .seconds(0), usedAt: .seconds(0), stamp: entriesByKey.enter(.named("a")),
            byteCount: 32)
    }

    struct Setup: CustomTestStringConvertible {
        let capacity: Int
        let seed: UInt64
        /// How many buckets fingerprints begin in: with few, they stand in each other's way.
        let homes: UInt64

        var testDescription: String { "capacity \(self.capacity), seed \(self.seed), \(self.homes) homes" }

        static let all = [1, 2, 3, 7, 10, 11, 100, 129]
            .flatMap { capacity in
                [1, 2, 3]
                    .flatMap { seed in
                        [1, 3, .max].map { Setup(capacity: capacity, seed: seed, homes: $0) }
                    }
            }
    }

    @Test("is a dictionary with a bound, whatever happens", arguments: Setup.all)
    func naively(_ setup: Setup) {
        var lots = SeededGenerator(seed: setup.seed)
        var table = EntryTable(capacity: setup.capacity)
        var places: [Fingerprint: Int] = [:]
        for step in 1...300 {
            let number = UInt64.random(in: 0..<UInt64(setup.capacity * 3), using: &lots)
            let fingerprint = Fingerprint(
                low: setup.homes == .max ? number &* 0x9e37_79b9 : number % setup.homes, high: number)
            switch (places[fingerprint], Int.random(in: 0..<10, using: &lots)) {
            case (let place?, 0..<4):
                table.remove(at: place)
                places[fingerprint] = nil
            case (let place?, _):
                table.countUse(at: place)
            case (nil, 0..<8):
                let hadRoom = places.count < setup.capacity
                let (place, evicted) = table.insert(Self.entry(fingerprint))
                #expect((evicted == nil) == hadRoom, "step \(step)")
                if let evicted {
                    let freed = places.removeValue(forKey: evicted.fingerprint)
                    #expect(freed == place, "step \(step): the place of who went")
                }
                #expect(!places.values.contains(place), "step \(step): a place used twice")
                places[fingerprint] = place
            case (nil, _):
                #expect(table.place(of: fingerprint) == nil)
            }
            // The whole table is looked through, so that a gap in a row of buckets does not hide.
            let found = places.allSatisfy { table.place(of: $0.key) == $0.value }
            #expect(found && table.count == places.count, "step \(step)")
            #expect(places.values.allSatisfy { (0..<table.placeCount).contains($0) && table[$0].queue != .none })
            let used = (0..<table.placeCount).count { table[$0].queue != .none }
            #expect(used == places.count && table.placeCount <= setup.capacity, "step \(step)")
            let small = (0..<table.placeCount).count { table[$0].queue == .small }
            let main = (0..<table.placeCount).count { table[$0].queue == .main }
            #expect(small + main == table.count, "step \(step)")
        }
    }

    @Test("what stands behind a gap is found after a removal, also across the end", arguments: 0..<4)
    func removalFromARow(removed: Int) {
        // Sixteen buckets: the row of four begins in the last but one.
        var table = EntryTable(capacity: 8)
        let fingerprints = (0..<4).map { Fingerprint(low: 14 + 16 * UInt64($0), high: UInt64($0)) }
        let ownHome = Fingerprint(low: 1, high: 9)
        for fingerprint in fingerprints { _ = table.insert(Self.entry(fingerprint)) }
        _ = table.insert(Self.entry(ownHome))
        table.remove(at: removed)
        for (index, fingerprint) in fingerprints.enumerated() {
            #expect(table.place(of: fingerprint) == (index == removed ? nil : index))
        }
        #expect(table.place(of: ownHome) == 4)
    }

    @Test("a place that is free again is used before a new one")
    func reuse() {
        var table = EntryTable(capacity: 10)
        for number in 0..<3 { _ = table.insert(Self.entry(.number(number))) }
        table.remove(at: 1)
        #expect(table.insert(Self.entry(.number(3))).place == 1)
        #expect(table.insert(Self.entry(.number(4))).place == 3)
        #expect(table.placeCount == 4)
    }

    @Test("what was used stays, what was not goes")
    func uses() {
        var table = EntryTable(capacity: 10)
        for number in 0..<10 { _ = table.insert(Self.entry(.number(number))) }
        for place in [0, 3, 6] { table.countUse(at: place) }
        for number in 10..<17 { _ = table.insert(Self.entry(.number(number))) }
        for number in [0, 3, 6] { #expect(table.place(of: .number(number)) != nil, "\(number)") }
    }

    @Test("who returns soon after he went comes into the main queue")
    func returning() {
        var table = EntryTable(capacity: 10)
        for number in 0..<11 { _ = table.insert(Self.entry(.number(number))) }
        #expect(table.place(of: .number(0)) == nil)
        let (place, _) = table.insert(Self.entry(.number(0)))
        #expect(table[place].queue == .main)
    }
}
