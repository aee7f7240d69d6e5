// SPDX-License-Identifier: Apache-2.0

import Linux
import ServerTestSupport
import Testing

@testable import HTTPServer

/// The machine alone: each phase with each event, the instants made up.
@Suite struct ConnectionStateTests {
    private typealias Phase = ConnectionState.Phase

    /// When everything that led to a phase happened, and when the event under test does.
    private static let start = Instant(nanoseconds: 1_000_000_000)
    private static let now = start + .seconds(2)

    private static let limits: ServerLimits = {
        var limits = ServerLimits(connections: 1, headerTimeout: .seconds(5), idleTimeout: .minutes(2))
        limits.lingerTimeout = .seconds(1)
        limits.drainGrace = .milliseconds(100)
        return limits
    }()
    private static let requestTimeout = Interval.seconds(15)

    /// A connection in `phase` since ``start``.
    private static func state(in phase: ConnectionState.Phase, draining: Bool = false) -> ConnectionState {
        var state = ConnectionState(limits: Self.limits, now: Self.start)
        switch phase {
        case .idle:
            break
        case .receivingHead:
            state.headBegan(now: Self.start)
        case .receivingBody:
            state.headCompleted(now: Self.start, timeout: Self.requestTimeout)
        case .answering:
            state.headCompleted(now: Self.start, timeout: Self.requestTimeout)
            state.answeringBegan()
        case .lingering:
            _ = state.answered(now: Self.start, keepsAlive: false, inputIsComplete: false)
        case .closed:
            state.closed()
        }
        if draining { state.drain(now: Self.start) }
        return state
    }

    static let phases: [ConnectionState.Phase] = [
        .idle, .receivingHead, .receivingBody, .answering, .lingering, .closed,
    ]

    @Test(
        "where a connection is, and until when",
        arguments: [
            (.idle, .minutes(2)), (.receivingHead, .seconds(5)), (.receivingBody, .seconds(15)),
            (.answering, .seconds(15)), (.lingering, .seconds(1)),
        ] as [(ConnectionState.Phase, Interval)])
    func deadlines(phase: ConnectionState.Phase, span: Interval) {
        let state = Self.state(in: phase)
        #expect(state.phase == phase)
        #expect(state.deadline == Self.start + span)
        #expect(!state.isDraining)
    }

    @Test(
        "which phases take requests, and which look at input",
        arguments: [
            (.idle, true, true), (.receivingHead, true, true), (.receivingBody, true, true), (.answering, false, true),
            (.lingering, false, false), (.closed, false, false),
        ] as [(ConnectionState.Phase, Bool, Bool)])
    func input(phase: ConnectionState.Phase, isReceiving: Bool, takesInput: Bool) {
        #expect(Self.state(in: phase).isReceiving == isReceiving)
        #expect(Self.state(in: phase).takesInput == takesInput)
    }

    // MARK: Requests

    @Test("a head begins once: its later bytes do not put the deadline off", arguments: phases)
    func headBegan(phase: ConnectionState.Phase) {
        var state = Self.state(in: phase)
        let deadline = state.deadline
        state.headBegan(now: Self.now)
        #expect(state.phase == (phase == .idle ? .receivingHead : phase))
        #expect(state.deadline == (phase == .idle ? Self.now + .seconds(5) : deadline))
    }

    @Test("a head gives its request a timeout of its own", arguments: [Phase.idle, .receivingHead])
    func headCompleted(phase: ConnectionState.Phase) {
        var state = Self.state(in: phase)
        state.headCompleted(now: Self.now, timeout: .seconds(7))
        #expect(state.phase == .receivingBody)
        #expect(state.deadline == Self.now + .seconds(7))
    }

    @Test func anAnswerThatIsAwaitedHasWhatIsLeftOfTheTimeout() {
        var state = Self.state(in: .receivingBody)
        state.answeringBegan()
        #expect(state.phase == .answering)
        #expect(state.deadline == Self.start + Self.requestTimeout)
    }

    @Test(
        "what follows an answer",
        arguments: [Phase.idle, .receivingHead, .receivingBody, .answering],
        [
            (true, true, .nextRequest, .idle, .minutes(2)), (false, true, .close, .lingering, .seconds(1)),
            (true, false, .linger, .lingering, .seconds(1)), (false, false, .linger, .lingering, .seconds(1)),
        ] as [(Bool, Bool, ConnectionState.Continuation, ConnectionState.Phase, Interval)])
    func answered(
        phase: ConnectionState.Phase,
        row: (
            keepsAlive: Bool, inputIsComplete: Bool, continuation: ConnectionState.Continuation,
            next: ConnectionState.Phase, span: Interval
        )
    ) {
        var state = Self.state(in: phase)
        let continuation = state.answered(
            now: Self.now, keepsAlive: row.keepsAlive, inputIsComplete: row.inputIsComplete)
        #expect(continuation == row.continuation)
        #expect(state.phase == row.next)
        #expect(state.deadline == Self.now + row.span)
    }

    @Test("closing ends everything", arguments: phases)
    func closed(phase: ConnectionState.Phase) {
        var state = Self.state(in: phase)
        state.closed()
        #expect(state.phase == .closed)
        #expect(state.expire(now: .distantFuture) == .none)
    }

    // MARK: Time

    @Test(
        "what the passing of time asks for",
        arguments: [
            (.idle, .close), (.receivingHead, .refuseHead), (.receivingBody, .refuseBody), (.answering, .giveUpAnswer),
            (.lingering, .close), (.closed, .none),
        ] as [(ConnectionState.Phase, ConnectionState.Expiry)])
    func expiry(phase: ConnectionState.Phase, expiry: ConnectionState.Expiry) {
        var state = Self.state(in: phase)
        let deadline = state.deadline
        #expect(state.expire(now: deadline - .nanoseconds(1)) == .none)
        #expect(state.phase == phase)
        #expect(state.expire(now: deadline) == expiry)
        #expect(state.phase == phase)
        #expect(state.deadline == deadline)
    }

    // MARK: Draining

    @Test("a drain hurries connections that are idle or inside a head", arguments: phases)
    func drain(phase: ConnectionState.Phase) {
        var state = Self.state(in: phase)
        let deadline = state.deadline
        state.drain(now: Self.now)
        #expect(state.isDraining)
        #expect(state.phase == phase)
        switch phase {
        case .idle: #expect(state.deadline == Self.now + .milliseconds(100))
        case .receivingHead: #expect(state.deadline == Self.now + .seconds(1))
        case .receivingBody, .answering, .lingering, .closed: #expect(state.deadline == deadline)
        }
    }

    @Test func aDrainHurriesABodyThatIsThrownAway() {
        var state = Self.state(in: .idle)
        state.headCompleted(now: Self.now, timeout: Self.requestTimeout, discardsBody: true)
        #expect(state.deadline == Self.now + Self.requestTimeout)
        state.drain(now: Self.now)
        #expect(state.deadline == Self.now + .seconds(1))
    }

    @Test func aDrainDoesNotPutOffAnEndThatIsNearer() {
        var state = Self.state(in: .idle)
        let late = state.deadline - .milliseconds(50)
        let deadline = state.deadline
        state.drain(now: late)
        #expect(state.deadline == deadline)
    }

    @Test(
        "a request that comes during a drain has its usual time once its head is there",
        arguments: [(.receivingHead, .seconds(1)), (.receivingBody, .seconds(15))]
            as [(ConnectionState.Phase, Interval)])
    func requestWhileDraining(phase: ConnectionState.Phase, span: Interval) {
        var state = Self.state(in: .idle, draining: true)
        if phase == .receivingHead {
            state.headBegan(now: Self.now)
        } else {
            state.headCompleted(now: Self.now, timeout: Self.requestTimeout)
        }
        #expect(state.phase == phase)
        #expect(state.deadline == Self.now + span)
    }

    @Test(
        "an answer during a drain leaves the grace for the next request", arguments: [Phase.receivingBody, .answering])
    func answeredWhileDraining(phase: ConnectionState.Phase) {
        var state = Self.state(in: phase, draining: true)
        #expect(state.answered(now: Self.now, keepsAlive: true, inputIsComplete: true) == .nextRequest)
        #expect(state.phase == .idle)
        #expect(state.deadline == Self.now + .milliseconds(100))
    }

    @Test func whenTheGraceIsOverTheConnectionFinishesOnce() {
        var state = Self.state(in: .idle, draining: true)
        let end = Self.start + .milliseconds(100)
        #expect(state.expire(now: end) == .finish)
        #expect(!state.isReceiving)
        #expect(state.deadline == end + .minutes(2))
        #expect(state.expire(now: end) == .none)
        #expect(state.expire(now: end + .minutes(2)) == .close)
    }

    @Test(
        "other deadlines ask for the same during a drain",
        arguments: [
            (.receivingHead, .refuseHead), (.receivingBody, .refuseBody), (.answering, .giveUpAnswer),
            (.lingering, .close),
        ] as [(ConnectionState.Phase, ConnectionState.Expiry)])
    func expiryWhileDraining(phase: ConnectionState.Phase, expiry: ConnectionState.Expiry) {
        var state = Self.state(in: phase, draining: true)
        let deadline = state.deadline
        #expect(state.expire(now: deadline) == expiry)
    }
}
