// SPDX-License-Identifier: Apache-2.0

import CurlTransport
import Primitives
import TestSupport
import Testing

@testable import Cluster

/// Clusters that fail and recover as the seed says, and rules that hold at every step.
@Suite struct EndpointPoolSimulation {
    @Test(arguments: 1...100 as ClosedRange<UInt64>)
    func theRulesHoldWhateverHappens(seed: UInt64) {
        var world = EndpointWorld(seed: seed)
        for step in 1...1_000 {
            world.step()
            guard let broken = world.brokenRule else { continue }
            Issue.record("seed \(seed), step \(step): \(broken)")
            return
        }
    }

    @Test(
        "whoever recovers serves again, within a second where nobody else did",
        arguments: 1...100 as ClosedRange<UInt64>)
    func recovery(seed: UInt64) throws {
        var world = EndpointWorld(seed: seed)
        for _ in 1...500 { world.step() }
        world.settle(.refusing, for: .seconds(60))
        #expect(world.pool.outageSince != nil)
        world.settle(.serving, for: .seconds(1))
        #expect(world.pool.states.allSatisfy { $0.condition == .up }, "seed \(seed)")
    }
}

/// A cluster, requests to it, and time.
struct EndpointWorld {
    enum Behaviour: CaseIterable {
        case serving, refusing, failing, hanging
    }

    private(set) var pool: EndpointPool
    private(set) var brokenRule: String?

    private var lots: SeededGenerator
    private var now = ContinuousClock.now
    private var behaviours: [Behaviour]
    private var attempts: [EndpointAttempt] = []
    private var isCalm = false

    init(seed: UInt64) {
        var lots = SeededGenerator(seed: seed)
        let count = Int.random(in: 1...5, using: &lots)
        self.behaviours = (0..<count).map { _ in .serving }
        self.pool = EndpointPool(count: count, at: self.now, seed: lots.next())
        self.lots = lots
    }

    mutating func step() {
        switch Int.random(in: 0..<100, using: &self.lots) {
        case 0..<32: self.ask()
        case 32..<65: self.endOne()
        case 65..<70: self.behaviours[self.anyEndpoint()] = .allCases.randomElement(using: &self.lots) ?? .serving
        case 70..<72: self.pool.probeAll(at: self.now)
        case 72..<75: if let probe = self.pool.beginProbe(of: self.anyEndpoint(), at: self.now) { self.begin(probe) }
        case 75..<95: self.pass(.milliseconds(Int.random(in: 0...300, using: &self.lots)))
        case _: self.pass(.seconds(Int.random(in: 0...40, using: &self.lots)))
        }
        self.check()
    }

    /// Everybody behaves so, and probes are made when they are due.
    mutating func settle(_ behaviour: Behaviour, for duration: Duration) {
        self.isCalm = true
        self.behaviours = self.behaviours.map { _ in behaviour }
        while !self.attempts.isEmpty { self.endOne() }
        let end = self.now + duration
        while self.now < end {
            self.pass(.milliseconds(10))
            while !self.attempts.isEmpty { self.endOne() }
        }
    }

    /// True so many times of a hundred.
    private mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self.lots) < percent }

    private mutating func anyEndpoint() -> Int { Int.random(in: self.behaviours.indices, using: &self.lots) }

    private mutating func begin(_ attempt: EndpointAttempt) { self.attempts.append(attempt) }

    private mutating func pass(_ duration: Duration) {
        self.now += duration
        for probe in self.pool.dueProbes(at: self.now) { self.begin(probe) }
    }

    private mutating func ask() {
        var tried: [Int] = []
        for index in self.behaviours.indices where self.chance(20) { tried.append(index) }
        let free = self.pool.states.indices.filter { !tried.contains($0) }
        let areUp = free.filter { self.pool.states[$0].condition == .up }
        let areDegraded = free.filter { self.pool.states[$0].condition == .degraded }
        let attempt = self.pool.choose(excluding: tried, at: self.now)
        let wanted = areUp.isEmpty ? areDegraded : areUp
        switch attempt {
        case nil:
            if !wanted.isEmpty { self.brokenRule = "nobody chosen of \(wanted)" }
        case let attempt?:
            if !wanted.contains(attempt.endpoint) { self.brokenRule = "\(attempt.endpoint) chosen of \(wanted)" }
            let others = (areUp + areDegraded).filter { $0 != attempt.endpoint }
            if attempt.hasAlternative == others.isEmpty { self.brokenRule = "an alternative among \(others)" }
            self.begin(attempt)
        }
    }

    private mutating func endOne() {
        guard let index = self.attempts.indices.randomElement(using: &self.lots) else { return }
        let attempt = self.attempts.remove(at: index)
        let before = self.pool.states[attempt.endpoint]
        _ = self.pool.end(attempt, self.outcome(at: attempt.endpoint), at: self.now)
        let after = self.pool.states[attempt.endpoint]
        if attempt.startedAt < before.changedAt, after.condition != before.condition {
            self.brokenRule = "what began before the last change changed \(attempt.endpoint)"
        }
        if before.condition == .up, after.condition == .up, after.failureCount != before.failureCount {
            self.brokenRule = "a failure that put nobody aside was counted"
        }
    }

    private mutating func outcome(at endpoint: Int) -> EndpointAttempt.Outcome {
        guard self.isCalm || !self.chance(5) else { return .inconclusive }
        func transfer(_ kind: TransferFailure.Kind) -> EndpointAttempt.Outcome {
            .faulty(.transfer(TransferFailure(kind, reason: "", requestWasSent: false)))
        }
        return switch self.behaviours[endpoint] {
        case .serving: .healthy
        case .refusing: transfer(.refused)
        case .failing: self.chance(50) ? .faulty(.status(500)) : .healthy
        case .hanging: transfer(.timedOut(whileConnecting: false))
        }
    }

    private mutating func check() {
        let isOutage = self.pool.states.allSatisfy { $0.condition == .unreachable }
        if isOutage != (self.pool.outageSince != nil) { self.brokenRule = "an outage is not what it is called" }
        for (index, state) in self.pool.states.enumerated() {
            let under = self.attempts.filter { $0.endpoint == index }
            if state.inFlight != under.count { self.brokenRule = "\(index) has \(state.inFlight) in flight" }
            let probes = under.filter(\.isProbe).count
            if state.probesOutstanding != probes || probes > EndpointPool.probesOutstandingMax {
                self.brokenRule = "\(index) has \(state.probesOutstanding) probes"
            }
            let longest: Duration =
                switch state.condition {
                case .up: EndpointPool.idlePeriod
                case .degraded, .unreachable: isOutage ? EndpointPool.outagePeriod : EndpointPool.longestBackOff
                }
            if state.probeAt > self.now + longest { self.brokenRule = "\(index) is not looked at for too long" }
            if state.changedAt > self.now || (state.fault != nil && state.downSince > state.changedAt) {
                self.brokenRule = "\(index) has changed at no possible time"
            }
        }
    }
}
