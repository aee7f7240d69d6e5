// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Agent

@Suite struct AgentLifeTests {
    /// When the agents of these tests are told to stop for the first time.
    private static let told = ContinuousClock.now
    private static let drainingSinceThen = AgentLife.Phase.draining(since: told)

    private static func stop(after delay: Duration = .zero) -> AgentLife.Event { .stop(at: Self.told + delay) }

    private static func life(in phase: AgentLife.Phase) -> AgentLife {
        var life = AgentLife()
        let events: [AgentLife.Event] =
            switch phase {
            case .starting: []
            case .serving: [.ready]
            case .draining: [.ready, Self.stop()]
            case .stopped: [.ready, Self.stop(), .drained]
            }
        for event in events { _ = life.receive(event) }
        return life
    }

    @Test(
        "each phase with each event",
        arguments: [
            (.starting, .ready, .serving, .announceReady), (.starting, stop(), drainingSinceThen, .drain),
            (.starting, .drained, .starting, .nothing), (.starting, .reloadAsked, .starting, .reload),
            (.starting, .reloaded, .starting, .reportStatus), (.serving, .reloadAsked, .serving, .reload),
            (.serving, .reloaded, .serving, .announceReloaded), (.starting, .purgeAsked, .starting, .purge),
            (.serving, .purgeAsked, .serving, .purge), (drainingSinceThen, .purgeAsked, drainingSinceThen, .purge),
            (.stopped, .purgeAsked, .stopped, .nothing),
            (drainingSinceThen, .reloadAsked, drainingSinceThen, .nothing),
            (drainingSinceThen, .reloaded, drainingSinceThen, .nothing), (.serving, .ready, .serving, .nothing),
            (.serving, stop(), drainingSinceThen, .drain), (.serving, .drained, .serving, .nothing),
            (drainingSinceThen, .ready, drainingSinceThen, .nothing),
            (drainingSinceThen, stop(after: .seconds(1)), .stopped, .endAtOnce),
            (drainingSinceThen, .drained, .stopped, .end), (.stopped, .ready, .stopped, .nothing),
            (.stopped, stop(after: .seconds(1)), .stopped, .nothing), (.stopped, .drained, .stopped, .nothing),
        ] as [(AgentLife.Phase, AgentLife.Event, AgentLife.Phase, AgentLife.Action)])
    func table(phase: AgentLife.Phase, event: AgentLife.Event, next: AgentLife.Phase, action: AgentLife.Action) {
        var life = Self.life(in: phase)
        #expect(life.phase == phase)
        #expect(life.receive(event) == action)
        #expect(life.phase == next)
    }

    @Test("who signals a process and then its group means it once", arguments: [0, 1, 99])
    func signalsThatComeTogetherAreOne(milliseconds: Int) {
        var life = Self.life(in: .serving)
        #expect(life.receive(Self.stop()) == .drain)
        for _ in 0..<3 { #expect(life.receive(Self.stop(after: .milliseconds(milliseconds))) == .nothing) }
        #expect(life.phase == Self.drainingSinceThen)
        // The first one counts, so that a stream of signals does not keep the agent alive.
        #expect(life.receive(Self.stop(after: .milliseconds(100))) == .endAtOnce)
    }

    @Test("a reload that is asked for during a reload follows it, once for all")
    func reloadsAreOneAtATime() {
        var life = Self.life(in: .serving)
        #expect(life.receive(.reloadAsked) == .reload)
        for _ in 0..<3 { #expect(life.receive(.reloadAsked) == .nothing) }
        #expect(life.receive(.reloaded) == .reload)
        #expect(life.receive(.reloaded) == .announceReloaded)
        #expect(life.receive(.reloadAsked) == .reload)
    }

    @Test("a reload that hangs does not keep the agent from stopping")
    func stoppingDuringAReload() {
        var life = Self.life(in: .serving)
        #expect(life.receive(.reloadAsked) == .reload)
        #expect(life.receive(Self.stop()) == .drain)
        #expect(life.receive(.reloaded) == .nothing)
        #expect(life.receive(.drained) == .end)
    }

    @Test func anAgentThatIsStoppedBeforeItIsReadyNeverAnnouncesIt() {
        var life = AgentLife()
        #expect(life.receive(Self.stop()) == .drain)
        #expect(life.receive(.ready) == .nothing)
        #expect(life.receive(.drained) == .end)
    }
}
