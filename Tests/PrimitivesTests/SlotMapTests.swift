// SPDX-License-Identifier: Apache-2.0

import Primitives
import Testing

@Suite struct SlotMapTests {
    /// Counts those that live.
    private final class Census {
        var living = 0
    }

    private struct Resident: ~Copyable {
        var name: Int
        private let census: Census

        init(_ name: Int, in census: Census) {
            self.name = name
            self.census = census
            census.living += 1
        }

        deinit { self.census.living -= 1 }
    }

    private let census = Census()

    @Test func valuesAreFoundUnderTheirIDs() {
        var slots = SlotMap<Resident>()
        let ids = (0..<100).map { slots.insert(Resident($0, in: self.census)) }
        #expect(slots.count == 100)
        #expect(slots.ids == ids)
        var names = ids.map { slots[$0]?.name }
        #expect(names == Array(0..<100))
        slots[ids[50]]?.name = -1
        names = ids[50...51].map { slots[$0]?.name }
        #expect(names == [-1, 51])
    }

    @Test func anIDIsNeverUsedAgain() {
        var slots = SlotMap<Resident>()
        var gone: Set<SlotMap<Resident>.ID> = []
        for name in 0..<100 {
            let id = slots.insert(Resident(name, in: self.census))
            #expect(!gone.contains(id))
            guard let resident = slots.remove(id) else {
                Issue.record("\(name) is not there")
                continue
            }
            #expect(resident.name == name)
            gone.insert(id)
            let isThere = slots.contains(id)
            #expect(!isThere)
        }
        #expect(slots.count == 0)
        #expect(slots.ids.isEmpty)
    }

    @Test func aRemovedValueIsAbsent() {
        var slots = SlotMap<Resident>()
        let removed = slots.insert(Resident(0, in: self.census))
        _ = slots.remove(removed)
        let other = slots.insert(Resident(1, in: self.census))
        let name = slots[removed]?.name
        #expect(name == nil)
        slots[removed]?.name = 2
        slots[removed] = Resident(3, in: self.census)
        let isRemoved = slots.remove(removed) == nil
        #expect(isRemoved)
        let otherName = slots[other]?.name
        #expect(otherName == 1)
        #expect(slots.count == 1 && self.census.living == 1)
    }

    @Test func assigningNilRemovesAValue() {
        var slots = SlotMap<Resident>()
        let id = slots.insert(Resident(0, in: self.census))
        slots[id] = nil
        let isThere = slots.contains(id)
        #expect(!isThere && slots.count == 0 && self.census.living == 0)
    }

    @Test func anIDPassesThroughANumber() {
        var slots = SlotMap<Resident>()
        _ = slots.remove(slots.insert(Resident(0, in: self.census)))
        let id = slots.insert(Resident(1, in: self.census))
        #expect(SlotMap<Resident>.ID(rawValue: id.rawValue) == id)
        let isThere = (slots.contains(id), slots.contains(SlotMap<Resident>.ID(rawValue: .max)))
        #expect(isThere == (true, false))
    }

    @Test func everyValueEndsOnce() {
        do {
            var slots = SlotMap<Resident>()
            let ids = (0..<40).map { slots.insert(Resident($0, in: self.census)) }
            for id in ids.prefix(10) { _ = slots.remove(id) }
            #expect(self.census.living == 30)
            #expect(slots.count == 30)
        }
        #expect(self.census.living == 0)
    }
}
