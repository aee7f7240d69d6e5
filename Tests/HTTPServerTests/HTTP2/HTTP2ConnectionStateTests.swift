// SPDX-License-Identifier: Apache-2.0

import Linux
import Testing

@testable import HTTPServer

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

    @Test func streamsKeepItFromBeingIdle() {
        var state = self.state
        state.streamBegan()
        state.streamBegan()
        #expect(state.expire(now: self.at(90)) == .none)
        #expect(state.deadline == self.at(180))
        state.streamEnded(now: self.at(150), wasGivenUp: false)
        #expect(state.deadline == self.at(180))
        state.streamEnded(now: self.at(170), wasGivenUp: false)
        #expect(state.deadline == self.at(260))
    }

    @Test func aStreamThatWasGivenUpDoesNotMakeTheClientLessIdle() {
        var state = self.state
        state.streamBegan()
        state.answered(now: self.at(10))
        state.streamEnded(now: self.at(100), wasGivenUp: true)
        #expect(state.deadline == self.at(100))
        #expect(state.expire(now: self.at(100)) == .beginEnd)
    }

    @Test func aHeadThatHasBegunMustComeToItsEnd() {
        var state = self.state
        state.streamBegan()
        state.headIsOpen(1, now: self.at(10))
        #expect(state.deadline == self.at(15))
        state.headIsOpen(1, now: self.at(12))
        #expect(state.deadline == self.at(15))
        state.headIsOpen(nil, now: self.at(13))
        #expect(state.deadline == self.at(90))
        state.headIsOpen(2, now: self.at(20))
        #expect(state.expire(now: self.at(25)) == .close)
        #expect(state.phase == .closed)
    }

    @Test func noOtherStreamPutsTheDeadlineOfAHeadOff() {
        var state = self.state
        state.streamBegan()
        state.headIsOpen(2, now: self.at(10))
        state.answered(now: self.at(11))
        state.streamEnded(now: self.at(11), wasGivenUp: false)
        _ = state.drain(now: self.at(12))
        _ = state.pingAnswered(now: self.at(12))
        #expect(state.expire(now: self.at(13)) == .close)
    }

    @Test func aDrainSaysSoTwice() {
        var state = self.state
        state.streamBegan()
        #expect(state.drain(now: self.at(1)) == .announceEnd)
        #expect(state.drain(now: self.at(1)) == .none)
        #expect(state.pingAnswered(now: self.at(1)) == .beginEnd)
        #expect(state.pingAnswered(now: self.at(1)) == .none)
        #expect(state.takesInput)
        #expect(state.expire(now: self.at(2)) == .none)
        #expect(state.deadline == self.at(3))
        state.streamEnded(now: self.at(3), wasGivenUp: false)
        #expect(state.expire(now: self.at(4)) == .close)
    }

    @Test func aDrainDoesNotWaitForEver() {
        var state = self.state
        _ = state.drain(now: self.at(1))
        #expect(state.expire(now: self.at(1) + .milliseconds(99)) == .none)
        #expect(state.expire(now: self.at(1) + .milliseconds(100)) == .beginEnd)
        #expect(state.pingAnswered(now: self.at(2)) == .none)
    }

    @Test func aDrainWaitsNoLongerForAHeadThanForTheClientToClose() {
        var state = self.state
        _ = state.drain(now: self.at(1))
        state.headIsOpen(1, now: self.at(1))
        _ = state.expire(now: self.at(1) + .milliseconds(100))
        #expect(state.expire(now: self.at(2)) == .close)
    }

    @Test func anAnswerToAPingThatWasNotSentMeansNothing() {
        var state = self.state
        #expect(state.pingAnswered(now: self.at(1)) == .none)
        #expect(state.phase == .serving)
    }
}
