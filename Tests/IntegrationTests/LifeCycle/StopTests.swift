// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport
import Testing

/// How an agent ends: politely, at once, or not at all.
@Suite struct StopTests {
    @Test(arguments: [SIGTERM, SIGINT])
    func aSignalDrainsAndEnds(signal: CInt) throws {
        try withAgent { agent in
            let (idle, busy) = (try agent.connect(), try agent.connect())
            #expect(try idle.ask(.generate()).isDataKey)
            let bytes = HTTPRequest.generate(context: Vector.context).bytes
            try busy.send(Array(bytes.dropLast(10)))
            try busy.waitUntilTaken()

            try agent.signal(signal)
            try agent.notifications.wait(for: "STOPPING=1")
            #expect(FileStatus(agent.socketPath) == nil, "nobody connects any more")
            try idle.receiveEnd()

            try busy.send(Array(bytes.suffix(10)))
            let answer = try busy.receiveAnswer()
            #expect(answer.isDataKey && answer.closes)
            try busy.receiveEnd()
            #expect(try agent.waitForExit() == .exited(0))
            #expect(try agent.log.contains("stopped"))
            #expect(FileStatus(agent.socketPath) == nil)
        }
    }

    @Test func requestsInOneSegmentAreAllAnsweredInADrain() throws {
        try withAgent { agent in
            let connection = try agent.connect()
            let bytes = HTTPRequest.generate(context: Vector.context).bytes
            try connection.send(Array(bytes.prefix(20)))
            try connection.waitUntilTaken()
            try agent.signal(SIGTERM)
            try agent.notifications.wait(for: "STOPPING=1")
            try connection.send(bytes.dropFirst(20) + bytes)
            // What had come with it is answered too, and the last answer says that it is the last.
            let answers = try connection.receiveAnswers(2)
            #expect(answers.allSatisfy(\.isDataKey) && !answers[0].closes && answers[1].closes)
            try connection.receiveEnd()
            #expect(try agent.waitForExit() == .exited(0))
        }
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func theSameAgainEndsAtOnceWhateverClientsDo(signal: CInt) throws {
        try withAgent {
            $0.environment["KEYSIDE_SHUTDOWN_DRAIN"] = "24h"
        } body: { agent in
            let hanging = try agent.connect()
            try hanging.send(Array(HTTPRequest.generate(context: Vector.context).bytes.dropLast(1)))
            try hanging.waitUntilTaken()
            try agent.signal(signal)
            try agent.notifications.wait(for: "STOPPING=1")
            try agent.signal(signal, untilExitWithin: .standard)
            #expect(try agent.waitForExit() == .exited(0))
            try hanging.receiveEnd(mayBeReset: true)
            #expect(FileStatus(agent.socketPath) == nil)
        }
    }

    /// timeout(1) signals its child, and then the group that the child is in.
    @Test func twoSignalsThatComeTogetherAreOne() throws {
        try withAgent {
            $0.environment["KEYSIDE_SHUTDOWN_DRAIN"] = "24h"
        } body: { agent in
            let busy = try agent.connect()
            let bytes = HTTPRequest.generate(context: Vector.context).bytes
            try busy.send(Array(bytes.dropLast(10)))
            try busy.waitUntilTaken()
            // Both are pending before it sees either, so that no time passes between them.
            for signal in [SIGSTOP, SIGTERM, SIGINT, SIGCONT] { try agent.signal(signal) }
            try agent.notifications.wait(for: "STOPPING=1")
            try busy.send(Array(bytes.suffix(10)))
            #expect(try busy.receiveAnswer().isDataKey)
            #expect(try agent.waitForExit() == .exited(0))
            #expect(!(try agent.log.contains("second signal")))
        }
    }

    @Test func aDrainDoesNotWaitLongerThanItShould() throws {
        try withAgent {
            $0.environment["KEYSIDE_SHUTDOWN_DRAIN"] = "100ms"
        } body: { agent in
            let hanging = try agent.connect()
            try hanging.send("POST /v1/key/gen")
            try hanging.waitUntilTaken()
            try agent.signal(SIGTERM)
            #expect(try agent.waitForExit() == .exited(0))
            try hanging.receiveEnd(mayBeReset: true)
        }
    }

    @Test(arguments: [SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE])
    func otherSignalsAreSurvived(signal: CInt) throws {
        try withAgent { agent in
            let connection = try agent.connect()
            #expect(try connection.ask(.generate()).isDataKey)
            for _ in 0..<3 { try agent.signal(signal) }
            #expect(try connection.ask(.generate()).isDataKey)
            #expect(try agent.ask(.get("/v1/ready")).status == 200)
            #expect(!agent.notifications.assignments.contains("STOPPING=1"))
        }
    }

    /// A client that is gone when its answer comes must not take the agent with it.
    @Test func writingToNobodyIsSurvived() throws {
        try withAgent { agent in
            for _ in 0..<50 {
                let connection = try agent.connect()
                try connection.send((0..<20).flatMap { _ in HTTPRequest.get("/v1/status").bytes })
                connection.close()
            }
            try expectService(by: agent)
        }
    }
}
