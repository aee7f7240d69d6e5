// SPDX-License-Identifier: Apache-2.0

import Synchronization
import TestSupport
import Testing

@testable import Primitives

@Suite(.timeLimit(.minutes(5))) struct AdmissionControlTests {
    @Test func nothingIsReservedForAnAmountOfZero() async throws {
        let control = AdmissionControl(capacity: 0, waitingCountMax: 0)
        let reservations = (SingleUseBox(try await control.reserve(0)), try Self.take(0, of: control))
        #expect(control.usage == (0, 0))
        withExtendedLifetime(reservations) {}
    }

    @Test func aReservationIsGivenBackWhenItEnds() async throws {
        let control = AdmissionControl(capacity: 10, waitingCountMax: 4)
        do {
            let reservation = try await control.reserve(10)
            #expect(control.usage == (10, 0))
            #expect(throws: TestFailure.self) { try Self.take(1, of: control) }
            _ = consume reservation
        }
        #expect(control.usage == (0, 0))
    }

    @Test func aRequestWaitsUntilThereIsRoom() async throws {
        let control = AdmissionControl(capacity: 10, waitingCountMax: 4)
        let first = try Self.take(10, of: control)
        async let second = Self.reserve(5, of: control)
        while control.usage.waiting < 1 { await Task.yield() }
        _ = first.take()
        #expect(await second == nil)
        #expect(control.usage == (0, 0))
    }

    @Test func aCancelledRequestLeavesTheQueue() async throws {
        let control = AdmissionControl(capacity: 10, waitingCountMax: 4)
        let first = try Self.take(10, of: control)
        let waiting = Task { await Self.reserve(5, of: control) }
        while control.usage.waiting < 1 { await Task.yield() }
        waiting.cancel()
        #expect(await waiting.value == .cancelled)
        #expect(control.usage == (10, 0))
        _ = first.take()
        #expect(control.usage == (0, 0))
    }

    @Test func refusalsComeAtOnce() async throws {
        let control = AdmissionControl(capacity: 10, waitingCountMax: 0)
        #expect(await Self.reserve(11, of: control) == .tooLarge)
        let reservation = try Self.take(1, of: control)
        #expect(await Self.reserve(10, of: control) == .queueFull)
        _ = reservation.take()
    }

    /// Many tasks on all threads, some of which give up: nothing is lost, and nobody waits for ever.
    @Test func everyRequestIsServedOrGivesUp() async {
        let control = AdmissionControl(capacity: 100, waitingCountMax: 1000)
        let use = Use()
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<400 {
                let amount = 1 + number * 37 % 100
                let task = Task {
                    guard let reservation = try? await control.reserve(amount) else { return }
                    use.begin(amount)
                    await Task.yield()
                    use.end(amount)
                    _ = consume reservation
                }
                if number.isMultiple(of: 5) { group.addTask { task.cancel() } }
                group.addTask { await task.value }
            }
        }
        #expect(use.most <= 100)
        #expect(control.usage == (0, 0))
    }

    private static func take(_ amount: Int, of control: AdmissionControl) throws(TestFailure) -> SingleUseBox<
        Reservation
    > {
        guard let reservation = control.reserveImmediately(amount) else { throw .unusable("there is no room") }
        return SingleUseBox(reservation)
    }

    private static func reserve(_ amount: Int, of control: AdmissionControl) async -> AdmissionRefusal? {
        do throws(AdmissionRefusal) {
            _ = try await control.reserve(amount)
            return nil
        } catch {
            return error
        }
    }
}

/// What is in use at a time.
private final class Use: Sendable {
    private let state = Mutex((current: 0, most: 0))

    var most: Int { self.state.withLock(\.most) }

    func begin(_ amount: Int) {
        self.state.withLock { state in
            state.current += amount
            state.most = max(state.most, state.current)
        }
    }

    func end(_ amount: Int) { self.state.withLock { $0.current -= amount } }
}
