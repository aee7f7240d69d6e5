// SPDX-License-Identifier: Apache-2.0

import Linux
import Testing

@testable import Server

/// What a connection of HTTP/2 does next, without one.
@Suite struct HTTP2ConnectionStateTests {
    private static let start = Instant(nanoseconds: 1_000_000_000_000)
    private static let limits: ServerLimits = {
        var limits = ServerLimits(connections: 1, headerTimeout: .seconds(5), idleTimeout: .seconds(90))
        limits.drainGrace = .milliseconds(100)
        limits.lingerTimeout = .seconds(1)
        return limits
    }()

    private var state = HTTP2ConnectionState(limits: Self.limits, now: Self.start)

    private func at(_ seconds: Int) -> Instant { Self.start + .seconds(seconds) }

    @Test func whileNothingIsAskedTheConnectionIsIdle() {
        var state = self.state
        #expect(state.deadline == self.at(90))
        #expect(state.expire(now: self.at(89)) == .none)
        #expect(state.expire(now: self.at(90)) == .beginEnd)
        #expect(state.phase == .leaving)
        state.saidAll(now: self.at(90))
        #expect(!state.takesInput)
        #expect(state.expire(now: self.at(91)) == .close)
    }

    @Test func requestsKeepItFromBeingIdle() {
        var state = self.state
        state.requestBegan()
        state.requestBegan()
        #expect(state.deadline == .distantFuture)
        state.requestEnded(now: self.at(1_000))
        #expect(state.deadline == .distantFuture)
        state.requestEnded(now: self.at(2_000))
        #expect(state.deadline == self.at(2_090))
    }

    @Test func aHeadThatHasBegunMustComeToItsEnd() {
        var state = self.state
        state.requestBegan()
        state.headBegan(now: self.at(10))
        #expect(state.deadline == self.at(15))
        state.headEnded()
        #expect(state.deadline == .distantFuture)
        state.headBegan(now: self.at(20))
        #expect(state.expire(now: self.at(25)) == .close)
        #expect(state.phase == .closed)
    }

    @Test func aDrainSaysSoTwice() {
        var state = self.state
        state.requestBegan()
        #expect(state.drain(now: self.at(1)) == .announceEnd)
        #expect(state.drain(now: self.at(1)) == .none)
        #expect(state.pingAnswered() == .beginEnd)
        #expect(state.pingAnswered() == .none)
        #expect(state.takesInput)
        #expect(state.deadline == .distantFuture)
        state.requestEnded(now: self.at(2))
        #expect(state.deadline == .distantFuture)
    }

    @Test func aDrainDoesNotWaitForEver() {
        var state = self.state
        _ = state.drain(now: self.at(1))
        #expect(state.expire(now: self.at(1) + .milliseconds(99)) == .none)
        #expect(state.expire(now: self.at(1) + .milliseconds(100)) == .beginEnd)
        #expect(state.pingAnswered() == .none)
    }

    @Test func anAnswerToAPingThatNobodySentMeansNothing() {
        var state = self.state
        #expect(state.pingAnswered() == .none)
        #expect(state.phase == .serving)
    }
}
