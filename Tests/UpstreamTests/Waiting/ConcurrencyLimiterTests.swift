// SPDX-License-Identifier: Apache-2.0

import KeyService
import Primitives
import Testing

@testable import Upstream

/// Room for requests, and who gets it next.
@Suite(.timeLimit(.minutes(5))) struct ConcurrencyLimiterTests {
    /// Waits until so many are in the queue.
    private static func wait(for count: Int, in slots: ConcurrencyLimiter) async {
        while slots.counts.queued < count { await Task.yield() }
    }

    @Test("there is room for so many, and a place in the queue for so many more")
    func bounds() async throws {
        let slots = ConcurrencyLimiter(inFlightMax: 2, queuedMax: 1)
        try await slots.enter()
        #expect(slots.enterImmediately())
        #expect(!slots.enterImmediately())
        async let third: Void = slots.enter()
        await Self.wait(for: 1, in: slots)
        await #expect(throws: KeyServiceError.overloaded) { try await slots.enter() }
        slots.leave()
        try await third
        #expect(slots.counts == (2, 0))
        slots.leave()
        slots.leave()
        #expect(slots.counts == (0, 0))
    }

    @Test("without a queue nobody waits")
    func noQueue() async throws {
        let slots = ConcurrencyLimiter(inFlightMax: 1, queuedMax: 0)
        try await slots.enter()
        await #expect(throws: KeyServiceError.overloaded) { try await slots.enter() }
    }

    @Test("first come, first served")
    func order() async throws {
        let slots = ConcurrencyLimiter(inFlightMax: 1, queuedMax: 100)
        try await slots.enter()
        let served = Journal<Int>()
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<20 {
                group.addTask {
                    guard (try? await slots.enter()) != nil else { return }
                    served.note(number)
                    slots.leave()
                }
                await Self.wait(for: number + 1, in: slots)
            }
            slots.leave()
        }
        #expect(served.entries == Array(0..<20))
        #expect(slots.counts == (0, 0))
    }

    @Test("whoever gives up loses the place, and nobody else does")
    func cancellation() async throws {
        let slots = ConcurrencyLimiter(inFlightMax: 1, queuedMax: 10)
        try await slots.enter()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await #expect(throws: KeyServiceError.timedOut) { try await slots.enter() } }
            await Self.wait(for: 1, in: slots)
            group.cancelAll()
        }
        #expect(slots.counts == (1, 0))
        async let next: Void = slots.enter()
        await Self.wait(for: 1, in: slots)
        slots.leave()
        try await next
        #expect(slots.counts == (1, 0))
    }

    @Test("room that comes to somebody who has just given up goes to the next", arguments: 1...50)
    func cancellationAsRoomComes(_: Int) async throws {
        let slots = ConcurrencyLimiter(inFlightMax: 1, queuedMax: 10)
        try await slots.enter()
        async let next: Void = withTaskGroup(of: Void.self) { group in
            group.addTask { _ = try? await slots.enter() }
            await Self.wait(for: 2, in: slots)
            group.cancelAll()
            slots.leave()
        }
        await Self.wait(for: 1, in: slots)
        try await slots.enter()
        await next
        #expect(slots.counts == (1, 0))
    }

    @Test("room is never lost nor doubled, whoever comes, goes and gives up", arguments: 1...20 as ClosedRange<UInt64>)
    func conservation(seed: UInt64) async {
        let slots = ConcurrencyLimiter(inFlightMax: 3, queuedMax: 8)
        var lots = SeededGenerator(seed: seed)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<200 {
                let pauses = Int.random(in: 0..<5, using: &lots)
                let givesUp = Int.random(in: 0..<4, using: &lots) == 0
                group.addTask {
                    await withTaskGroup(of: Void.self) { inner in
                        inner.addTask {
                            guard (try? await slots.enter()) != nil else { return }
                            #expect(slots.counts.inFlight <= 3)
                            for _ in 0..<pauses { await Task.yield() }
                            slots.leave()
                        }
                        if givesUp { inner.cancelAll() }
                    }
                }
            }
        }
        #expect(slots.counts == (0, 0))
    }
}
