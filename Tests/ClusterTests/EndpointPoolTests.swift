// SPDX-License-Identifier: Apache-2.0

import CurlTransport
import Testing

@testable import Cluster

/// Who is asked, who is put aside, and when somebody looks again.
@Suite struct EndpointPoolTests {
    private static let refused = PoolBench.refused
    private static let degraded = EndpointFault.status(502)

    // MARK: Choice

    @Test("requests spread over endpoints that are alike", arguments: 1...20 as ClosedRange<UInt64>)
    func balance(seed: UInt64) throws {
        let pool = PoolBench(3, seed: seed)
        var counts = [0, 0, 0]
        for step in 0..<3000 {
            counts[try pool.ask(at: .milliseconds(step), [.milliseconds(1), .milliseconds(1), .milliseconds(1)])] += 1
        }
        #expect(counts.allSatisfy { (700...1300).contains($0) }, "\(counts)")
    }

    @Test("an endpoint that is slow gets less, and more again when it is quick")
    func slowness() throws {
        let pool = PoolBench(2)
        func share(of endpoint: Int, from second: Int, _ latency: [Duration]) throws -> Int {
            var count = 0
            for step in 0..<1000 {
                let offset = Duration.seconds(second) + .milliseconds(step * 10)
                // As `run()` would: nobody is forgotten.
                for probe in pool.dueProbes(at: PoolBench.start + offset) {
                    pool.end(probe, .healthy, at: PoolBench.start + offset + latency[probe.endpoint])
                }
                if try pool.ask(at: offset, latency) == endpoint { count += 1 }
            }
            return count
        }
        #expect(try share(of: 0, from: 0, [.milliseconds(50), .milliseconds(1)]) < 20)
        _ = try share(of: 0, from: 100, [.milliseconds(1), .milliseconds(1)])
        #expect(try share(of: 0, from: 200, [.milliseconds(1), .milliseconds(1)]) > 300)
    }

    @Test("an endpoint that was slow before it failed gets its share as soon as it is back")
    func slownessBeforeAFailure() throws {
        let pool = PoolBench(2)
        func ask(from second: Int, _ latency: [Duration]) throws -> Int {
            try (0..<100)
                .count { step in
                    try pool.ask(at: .seconds(second) + .milliseconds(step * 10), latency) == 0
                }
        }
        _ = try ask(from: 0, [.milliseconds(1), .milliseconds(1)])
        let stuck = try pool.chosen(excluding: [1], at: PoolBench.start + .seconds(2))
        #expect(stuck.endpoint == 0)
        try pool.fail(0, at: .seconds(3))
        let answered = try pool.chosen(excluding: [], at: PoolBench.start + .seconds(3))
        pool.end(answered, .healthy, at: PoolBench.start + .seconds(3) + .milliseconds(1))
        let probe = try pool.probe(of: 0, at: PoolBench.start + .seconds(4))
        pool.end(probe, .healthy, at: PoolBench.start + .seconds(4) + .milliseconds(30))
        pool.end(stuck, .healthy, at: PoolBench.start + .seconds(4) + .milliseconds(40))
        #expect(try ask(from: 5, [.milliseconds(1), .milliseconds(1)]) > 30)
    }

    @Test("one probe forgives an endpoint that was slow a while ago")
    func forgiveness() throws {
        let pool = PoolBench(2)
        _ = try pool.ask(at: .zero, [.seconds(5), .milliseconds(1)], excluding: [1])
        _ = try pool.ask(at: .zero, [.seconds(5), .milliseconds(1)], excluding: [0])
        let later = PoolBench.start + .seconds(20)
        for probe in pool.dueProbes(at: later) { pool.end(probe, .healthy, at: later + .milliseconds(1)) }
        let latencies = pool.states.map(\.latency.value)
        #expect(latencies == [.milliseconds(1), .milliseconds(1)])
    }

    @Test("of two that are equally quick, the one with less to do is asked")
    func inFlight() throws {
        let pool = PoolBench(2)
        let first = try pool.chosen(excluding: [], at: PoolBench.start)
        for _ in 0..<20 {
            let second = try pool.chosen(excluding: [], at: PoolBench.start)
            #expect(second.endpoint != first.endpoint)
            pool.end(second, .inconclusive, at: PoolBench.start)
        }
    }

    @Test("whoever was tried is not asked again, and the last attempt knows that it is the last")
    func exclusion() throws {
        let pool = PoolBench(3)
        var tried: [Int] = []
        for remaining in [2, 1, 0] {
            let attempt = try pool.chosen(excluding: tried, at: PoolBench.start)
            #expect(!tried.contains(attempt.endpoint))
            #expect(attempt.hasAlternative == (remaining > 0))
            tried.append(attempt.endpoint)
        }
        #expect(pool.choose(excluding: tried, at: PoolBench.start) == nil)
        #expect(pool.outageSince == nil)
    }

    @Test("one that answers with failures is asked where no other is up, one that does not answer never is")
    func conditions() throws {
        let pool = PoolBench(3)
        try pool.fail(0, Self.degraded, at: .zero)
        try pool.fail(1, at: .zero)
        let first = try pool.chosen(excluding: [], at: PoolBench.start)
        #expect(first.endpoint == 2)
        let second = try pool.chosen(excluding: [2], at: PoolBench.start)
        #expect(second.endpoint == 0)
        #expect(!second.hasAlternative)
        #expect(pool.choose(excluding: [0, 2], at: PoolBench.start) == nil)
    }

    // MARK: Failures

    @Test("a thousand requests that die together are one failure, told once")
    func oneFailure() throws {
        let pool = PoolBench(1)
        let attempts = (0..<1000).compactMap { _ in pool.choose(excluding: [], at: PoolBench.start) }
        let end = PoolBench.start + .milliseconds(1)
        let changes = attempts.compactMap { pool.end($0, .faulty(Self.refused), at: end) }
        #expect(changes == [.down(0, Self.refused, isFlapping: false)])
        #expect(pool.states[0].failureCount == 1)
        #expect(pool.states[0].inFlight == 0)
    }

    @Test("what was sent before an endpoint came back does not put it aside again")
    func outdatedFailure() throws {
        let pool = PoolBench(1)
        let old = try pool.chosen(excluding: [], at: PoolBench.start)
        try pool.fail(0, at: .milliseconds(10))
        #expect(
            try pool.mend(0, at: .milliseconds(100))
                == .up(0, after: .milliseconds(90), isFlapping: false))
        #expect(pool.end(old, .faulty(Self.refused), at: PoolBench.start + .milliseconds(200)) == nil)
        #expect(pool.states[0].condition == .up)
    }

    @Test("an answer that was under way when its endpoint failed does not bring it back")
    func outdatedSuccess() throws {
        let pool = PoolBench(1)
        let old = try pool.chosen(excluding: [], at: PoolBench.start)
        try pool.fail(0, at: .milliseconds(10))
        #expect(pool.end(old, .healthy, at: PoolBench.start + .milliseconds(20)) == nil)
        #expect(pool.states[0].condition == .unreachable)
    }

    @Test("what failed on this side says nothing of the endpoint")
    func inconclusive() throws {
        let pool = PoolBench(1)
        #expect(try pool.ask(at: .zero, [.seconds(1)], .inconclusive) == 0)
        #expect(pool.states[0].condition == .up)
        #expect(pool.states[0].latency.value == nil)
    }

    @Test("an ailing endpoint stays aside for its time, whatever it answers meanwhile")
    func ailingStaysAside() throws {
        let pool = PoolBench(1)
        try pool.fail(0, Self.degraded, at: .zero)
        #expect(try pool.ask(at: .milliseconds(10)) == 0)
        #expect(pool.states[0].condition == .degraded)
        #expect(try pool.ask(at: EndpointPool.shortestBackOff) == 0)
        #expect(pool.states[0].condition == .up)
    }

    @Test("who fails again soon after it came back is flapping, and who held out is not")
    func flapping() throws {
        let pool = PoolBench(1)
        #expect(try pool.fail(0, at: .zero) == .down(0, Self.refused, isFlapping: false))
        try pool.mend(0, at: .seconds(1))
        #expect(try pool.fail(0, at: .seconds(2)) == .down(0, Self.refused, isFlapping: true))
        #expect(try pool.mend(0, at: .seconds(3)) == .up(0, after: .seconds(1), isFlapping: true))
        let steady = Duration.seconds(3) + EndpointPool.steadyAfter
        #expect(try pool.fail(0, at: steady) == .down(0, Self.refused, isFlapping: false))
        #expect(pool.states[0].failureCount == 1)
    }

    // MARK: Probes

    @Test(
        "pauses between probes double up to five seconds while others serve", arguments: 1...20 as ClosedRange<UInt64>)
    func backOff(seed: UInt64) throws {
        let pool = PoolBench(2, seed: seed)
        for (pause, longest) in zip(
            try pool.pauses(of: 0, 12), [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, 5000, 5000])
        {
            #expect(pause <= .milliseconds(longest))
            #expect(pause >= .milliseconds(longest) / 2)
        }
    }

    @Test("while nobody serves, no pause keeps service away for long", arguments: 1...20 as ClosedRange<UInt64>)
    func outageBackOff(seed: UInt64) throws {
        let pool = PoolBench(1, seed: seed)
        #expect(try pool.pauses(of: 0, 20).allSatisfy { $0 <= EndpointPool.outagePeriod })
    }

    @Test("when the last endpoint fails, those that failed long ago are looked at soon")
    func outageHastens() throws {
        let pool = PoolBench(2)
        _ = try pool.pauses(of: 0, 12)
        let now = pool.states[0].probeAt - .seconds(2)
        let probe = try pool.probe(of: 1, at: now)
        #expect(pool.end(probe, .faulty(Self.refused), at: now) != nil)
        #expect(pool.outageSince == now)
        #expect(pool.states.allSatisfy { $0.probeAt <= now + EndpointPool.outagePeriod })
    }

    @Test("a server that answers anything at all ends an outage")
    func outageEnds() throws {
        let pool = PoolBench(1)
        try pool.fail(0, at: .zero)
        #expect(pool.outageSince == PoolBench.start)
        #expect(pool.choose(excluding: [], at: PoolBench.start) == nil)
        try pool.fail(0, Self.degraded, at: .seconds(1))
        #expect(pool.outageSince == nil)
        #expect(pool.states[0].condition == .degraded)
        #expect(pool.states[0].downSince == PoolBench.start)
    }

    @Test("who is up is probed when nobody has asked it for a while, and only then")
    func idleProbes() throws {
        let pool = PoolBench(1)
        #expect(pool.dueProbes(at: PoolBench.start).count == 1)
        #expect(pool.dueProbes(at: PoolBench.start).isEmpty)
        #expect(try pool.ask(at: .seconds(3)) == 0)
        #expect(pool.nextProbeAt == PoolBench.start + .seconds(3) + EndpointPool.idlePeriod)
    }

    @Test("probes that get no answer do not keep others back, nor do they pile up")
    func lostProbes() throws {
        let pool = PoolBench(1)
        try pool.fail(0, at: .zero)
        var count = 0
        for step in 0..<100 { count += pool.dueProbes(at: PoolBench.start + .milliseconds(step * 400)).count }
        #expect(count == EndpointPool.probesOutstandingMax)
        #expect(pool.nextProbeAt == nil)
        #expect(pool.beginProbe(of: 0, at: PoolBench.start + .seconds(60)) == nil)
    }

    @Test func everyEndpointCanBeProbedAtOnce() {
        let pool = PoolBench(3)
        _ = pool.dueProbes(at: PoolBench.start)
        #expect(pool.dueProbes(at: PoolBench.start + .seconds(1)).isEmpty)
        pool.probeAll(at: PoolBench.start + .seconds(1))
        #expect(pool.dueProbes(at: PoolBench.start + .seconds(1)).map(\.endpoint) == [0, 1, 2])
    }
}

/// A pool that a test asks by reference.
private final class PoolBench {
    static let start = ContinuousClock.now
    static let refused = EndpointFault.transfer(TransferFailure(.refused, reason: "", requestWasSent: false))

    private struct NobodyToAsk: Error {}

    private var pool: EndpointPool

    init(_ count: Int, seed: UInt64 = 1) { self.pool = EndpointPool(count: count, at: Self.start, seed: seed) }

    var states: [EndpointState] { self.pool.states }
    var outageSince: ContinuousClock.Instant? { self.pool.outageSince }
    var nextProbeAt: ContinuousClock.Instant? { self.pool.nextProbeAt }

    func choose(excluding tried: [Int], at now: ContinuousClock.Instant) -> EndpointAttempt? {
        self.pool.choose(excluding: tried, at: now)
    }

    func chosen(excluding tried: [Int], at now: ContinuousClock.Instant) throws -> EndpointAttempt {
        guard let attempt = self.pool.choose(excluding: tried, at: now) else { throw NobodyToAsk() }
        return attempt
    }

    func beginProbe(of endpoint: Int, at now: ContinuousClock.Instant) -> EndpointAttempt? {
        self.pool.beginProbe(of: endpoint, at: now)
    }

    func probe(of endpoint: Int, at now: ContinuousClock.Instant) throws -> EndpointAttempt {
        guard let attempt = self.pool.beginProbe(of: endpoint, at: now) else { throw NobodyToAsk() }
        return attempt
    }

    func dueProbes(at now: ContinuousClock.Instant) -> [EndpointAttempt] { self.pool.dueProbes(at: now) }

    func probeAll(at now: ContinuousClock.Instant) { self.pool.probeAll(at: now) }

    @discardableResult func end(
        _ attempt: EndpointAttempt, _ outcome: EndpointAttempt.Outcome, at now: ContinuousClock.Instant
    ) -> EndpointChange? {
        self.pool.end(attempt, outcome, at: now)
    }

    /// One attempt at whoever is chosen, of its latency.
    func ask(
        at offset: Duration, _ latency: [Duration] = [.zero, .zero, .zero],
        _ outcome: EndpointAttempt.Outcome = .healthy, excluding: [Int] = []
    ) throws -> Int {
        let attempt = try self.chosen(excluding: excluding, at: Self.start + offset)
        self.end(attempt, outcome, at: Self.start + offset + latency[attempt.endpoint])
        return attempt.endpoint
    }

    /// Has an endpoint fail at an instant.
    @discardableResult func fail(
        _ endpoint: Int, _ fault: EndpointFault = PoolBench.refused, at offset: Duration
    ) throws -> EndpointChange? {
        let probe = try self.probe(of: endpoint, at: Self.start + offset)
        return self.end(probe, .faulty(fault), at: Self.start + offset)
    }

    @discardableResult func mend(_ endpoint: Int, at offset: Duration) throws -> EndpointChange? {
        let probe = try self.probe(of: endpoint, at: Self.start + offset)
        return self.end(probe, .healthy, at: Self.start + offset)
    }

    /// The pauses between probes that all fail.
    func pauses(of endpoint: Int, _ count: Int) throws -> [Duration] {
        var now = Self.start
        return try (0...count)
            .map { _ in
                try self.fail(endpoint, at: now - Self.start)
                let pause = self.states[endpoint].probeAt - now
                now = self.states[endpoint].probeAt
                return pause
            }
    }
}
