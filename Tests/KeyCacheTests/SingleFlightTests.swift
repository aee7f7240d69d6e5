// SPDX-License-Identifier: Apache-2.0

import KeyService
import Testing

@testable import KeyCache

@Suite struct SingleFlightTests {
    private static let question = Fingerprint.number(1)

    private static func flights(callers: [Int] = [1], isRenewal: Bool = false) -> SingleFlight<Int> {
        var flights = SingleFlight<Int>()
        flights.begin(
            self.question,
            SingleFlight.Flight(name: .named("a"), startedAt: .seconds(1), isRenewal: isRenewal, callers: callers))
        return flights
    }

    @Test("there is nothing to join before a flight and after it")
    func beforeAndAfter() {
        var flights = SingleFlight<Int>()
        #expect(flights.join(Self.question, 1) == false)
        flights = Self.flights()
        #expect(flights.isUnderWay(Self.question) && flights.count == 1)
        #expect(flights.join(.number(2), 1) == false)
        _ = flights.end(Self.question)
        #expect(!flights.isUnderWay(Self.question) && flights.count == 0)
        #expect(flights.join(Self.question, 1) == false)
    }

    @Test("who joins is told with the others, in order")
    func joining() {
        var flights = Self.flights()
        #expect(flights.join(Self.question, 2) == true)
        #expect(flights.join(Self.question, 3) == true)
        #expect(flights.end(Self.question).callers == [1, 2, 3])
    }

    @Test("who leaves is not told, and nobody else leaves with him", arguments: 1...3)
    func leaving(caller: Int) {
        var flights = Self.flights(callers: [1, 2, 3])
        flights.leave(Self.question, caller)
        flights.leave(Self.question, caller)
        flights.leave(.number(2), 1)
        #expect(flights.end(Self.question).callers == [1, 2, 3].filter { $0 != caller })
    }

    @Test("a flight that all have left goes on")
    func allHaveLeft() {
        var flights = Self.flights()
        flights.leave(Self.question, 1)
        #expect(flights.isUnderWay(Self.question))
        #expect(flights.join(Self.question, 2) == true)
        #expect(flights.end(Self.question).callers == [2])
    }

    @Test("who comes after a purge waits for the next flight", arguments: ["a", nil])
    func successors(name: String?) {
        var flights = Self.flights()
        flights.purge(name.map(KeyName.named))
        #expect(flights.join(Self.question, 2) == true)
        #expect(flights.join(Self.question, 3) == true)
        flights.leave(Self.question, 3)
        let flight = flights.end(Self.question)
        #expect(flight.isPurged && flight.callers == [1] && flight.successors == [2])
    }

    @Test("another key's purge does not matter")
    func anotherKey() {
        var flights = Self.flights()
        flights.purge(.named("b"))
        #expect(flights.join(Self.question, 2) == true)
        let flight = flights.end(Self.question)
        #expect(!flight.isPurged && flight.callers == [1, 2] && flight.successors.isEmpty)
    }
}
