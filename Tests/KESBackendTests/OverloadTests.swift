// SPDX-License-Identifier: Apache-2.0

import ClusterTestSupport
import KESProtocol
import KeyService
import Primitives
import Testing

@testable import Cluster
@testable import KESBackend

/// More requests than there is room for.
@Suite(.timeLimit(.minutes(5))) struct OverloadTests {
    @Test("one too many is refused at once, the others are served in turn")
    func bounds() async throws {
        let gate = OneShot<Bool>()
        let isOpen = Journal<Void>()
        let bench = try KESServiceFixture(
            ["a"],
            {
                $0.inFlightMax = 1
                $0.queuedMax = 3
            }
        ) { _ in
            isOpen.entries.isEmpty ? .held(gate, .plaintext) : .plaintext
        }
        async let first = bench.outcome()
        await bench.transport.asks.wait(for: 1)
        async let others = bench.outcomes(3)
        while bench.service.cluster.load.queued < 3 { await Task.yield() }
        #expect(await bench.outcome() == .failure(.overloaded))
        #expect(bench.transport.asks.entries.count == 1)
        isOpen.note(())
        gate.resolve(true)
        let outcomes = await others + [first]
        #expect(outcomes == Array(repeating: .success(Array("key".utf8)), count: 4))
        #expect(bench.service.cluster.load == (0, 0))
    }

    @Test("whoever gives up makes room, and its transfer ends")
    func cancellation() async throws {
        let gate = OneShot<Bool>()
        let bench = try KESServiceFixture(["a"], { $0.inFlightMax = 1 }) { _ in .held(gate, .plaintext) }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { _ = await bench.outcome() }
            await bench.transport.asks.wait(for: 1)
            group.cancelAll()
        }
        #expect(bench.service.cluster.load == (0, 0))
        #expect(bench.areAllOnline)
        #expect(bench.service.cluster.metrics.count(.decrypt, at: 0, .givenUp) == 1)
    }

    @Test("the time in the queue counts: a request has its deadline, not each of its waits")
    func deadline() async throws {
        let gate = OneShot<Bool>()
        let bench = try KESServiceFixture(["a"], { $0.inFlightMax = 1 }) { _ in .held(gate, .plaintext) }
        async let first = bench.outcome()
        await bench.transport.asks.wait(for: 1)
        async let second = bench.outcome()
        while bench.service.cluster.load.queued < 1 { await Task.yield() }
        bench.clock.advance(by: .seconds(4))
        bench.transport.answer { _ in .plaintext }
        gate.resolve(true)
        let outcomes = await [first, second]
        #expect(outcomes.allSatisfy { $0 == .success(Array("key".utf8)) })
        #expect(bench.transport.asks.entries.map { $0.deadline - bench.clock.start } == [.seconds(10), .seconds(10)])
    }
}
