// SPDX-License-Identifier: Apache-2.0

/// Flights that have ended and whose tasks are not yet woken. Belongs to the engine's thread.
///
/// They are woken together, when the thread has done what there was to do: woken one by one, the threads that run tasks
/// fall asleep in between, which costs more than the whole of libcurl's work on a request.
final class Landings {
    private var flights: [Flight] = []

    func end(_ flight: Flight, _ outcome: consuming Flight.Outcome) {
        flight.end(outcome)
        self.flights.append(flight)
    }

    func announce() {
        for flight in self.flights { flight.announce() }
        self.flights.removeAll(keepingCapacity: true)
    }
}
