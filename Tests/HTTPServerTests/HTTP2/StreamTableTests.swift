// SPDX-License-Identifier: Apache-2.0

import HTTP2
import Testing

@testable import HTTPServer

@Suite struct StreamTableTests {
    /// A stream by its place, and how many have had that before.
    private func stream(_ place: Int, _ generation: Int = 0) -> HTTP2StreamID {
        HTTP2StreamID(number: generation << 32 | place)
    }

    @Test func valuesAreFoundChangedAndTakenOut() {
        var table = StreamTable<[Int]>()
        #expect(table.isEmpty && table[self.stream(3)] == nil)
        table[self.stream(3)] = [1]
        table[self.stream(0)] = [2]
        table[self.stream(3)]?.append(4)
        #expect(table[self.stream(3)] == [1, 4] && table[self.stream(0)] == [2] && table[self.stream(1)] == nil)
        #expect(Set(table.streams) == [self.stream(0), self.stream(3)] && table.count == 2)
        #expect(table.remove(self.stream(3)) == [1, 4])
        #expect(table.remove(self.stream(3)) == nil && table.count == 1)
        table[self.stream(0)] = nil
        #expect(table.isEmpty && table.streams.isEmpty)
    }

    @Test func whatAStreamHadIsNotThatOfTheNextInItsPlace() {
        var table = StreamTable<Int>()
        let (former, next) = (self.stream(5, 1), self.stream(5, 3))
        table[former] = 1
        #expect(table[next] == nil)
        #expect(table.remove(next) == nil)
        #expect(table[former] == 1)
        table[next] = 2
        #expect(table[former] == nil && table[next] == 2)
        #expect(table.streams == [next] && table.count == 1)
    }

    @Test func toAskForWhatIsNotThereChangesNothing() {
        var table = StreamTable<Int>()
        table[self.stream(2)] = 7
        table[self.stream(9)]? += 1
        table[self.stream(2, 1)]? += 1
        #expect(table.streams == [self.stream(2)] && table.count == 1)
        #expect(table[self.stream(2)] == 7)
    }

    @Test func allGoAtOnce() {
        var table = StreamTable<Int>()
        for place in 0..<4 { table[self.stream(place)] = place }
        table.removeAll()
        #expect(table.isEmpty && table.streams.isEmpty && table[self.stream(1)] == nil)
    }
}
