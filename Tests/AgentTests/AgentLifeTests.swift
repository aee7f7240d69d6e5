// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Agent

@Suite struct AgentLifeTests {
    private static func life(in phase: AgentLife.Phase) -> AgentLife {
        var life = AgentLife()
        let events: [AgentLife.Event] =
            switch phase {
            case .starting: []
            case .serving: [.ready]
            case .draining: [.ready, .stop]
            case .stopped: [.ready, .stop, .drained]
            }
        for event in events { _ = life.receive(event) }
        return life
    }

    @Test(
        "each phase with each event",
        arguments: [
            (.starting, .ready, .serving, .announceReady), (.starting, .stop, .draining, .drain),
            (.starting, .drained, .starting, .nothing), (.serving, .ready, .serving, .nothing),
            (.serving, .stop, .draining, .drain), (.serving, .drained, .serving, .nothing),
            (.draining, .ready, .draining, .nothing), (.draining, .stop, .stopped, .endAtOnce),
            (.draining, .drained, .stopped, .end), (.stopped, .ready, .stopped, .nothing),
            (.stopped, .stop, .stopped, .nothing), (.stopped, .drained, .stopped, .nothing),
        ] as [(AgentLife.Phase, AgentLife.Event, AgentLife.Phase, AgentLife.Action)])
    func table(phase: AgentLife.Phase, event: AgentLife.Event, next: AgentLife.Phase, action: AgentLife.Action) {
        var life = Self.life(in: phase)
        #expect(life.phase == phase)
        #expect(life.receive(event) == action)
        #expect(life.phase == next)
    }

    @Test func anAgentThatIsStoppedBeforeItIsReadyNeverAnnouncesIt() {
        var life = AgentLife()
        #expect(life.receive(.stop) == .drain)
        #expect(life.receive(.ready) == .nothing)
        #expect(life.receive(.drained) == .end)
    }
}
