// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// More clients than there may be: those that are too many are told so, the others notice nothing.
@Suite struct ConnectionLimitTests {
    @Test func theHundredAndFirstIsToldToComeBackLater() throws {
        try withAgent {
            $0.environment["KEYSIDE_LIMITS_CONNECTIONS"] = "100"
        } body: { agent in
            let connections = try (0..<200).map { _ in try agent.connect() }
            // Only those that are refused hear anything without having asked.
            let refused = try RawConnection.waitForInput(on: connections, atLeast: 100)
            #expect(refused.count == 100)
            for connection in refused {
                Self.expectRefusal(try connection.receiveAnswer())
                try connection.receiveEnd()
            }
            let admitted = connections.filter { connection in !refused.contains { $0 === connection } }
            for connection in admitted { #expect(try connection.ask(.generate()).isDataKey) }
            try Self.expectRoomAfterClosing(10, of: admitted, limit: 100, agent)
        }
    }

    @Test func ofTwoThousandTheDefaultLimitIsServed() throws {
        try withAgent { agent in
            try RawConnection.allowThousands()
            let early = try agent.connect()
            #expect(try early.ask(.generate()).isDataKey)

            let others = try (0..<1999).map { _ in try agent.connect() }
            var admitted: [RawConnection] = []
            for connection in others {
                // Who is refused may find that out while sending.
                try? connection.send(.get("/version"))
                let answer = try connection.receiveAnswer()
                if answer.status == 200 {
                    admitted.append(connection)
                } else {
                    Self.expectRefusal(answer)
                    try connection.receiveEnd(mayBeReset: true)
                }
            }
            #expect(admitted.count == 1023)
            #expect(try early.ask(.generate()).isDataKey)
            #expect(try agent.connect().receiveAnswer().status == 503)
            try Self.expectRoomAfterClosing(100, of: [early] + admitted, limit: 1024, agent)
        }
    }

    private static func expectRefusal(_ answer: HTTPAnswer, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(answer.status == 503, sourceLocation: sourceLocation)
        #expect(answer.closes && answer.message?.isEmpty == false, sourceLocation: sourceLocation)
        #expect(answer["Retry-After"].flatMap { Int($0) } != nil, sourceLocation: sourceLocation)
    }

    /// Closes the last `count` of the connections, has as many others take their place, and sees that there is no more
    /// room than that.
    private static func expectRoomAfterClosing(
        _ count: Int, of connections: [RawConnection], limit: Int, _ agent: AgentProcess
    ) throws {
        for connection in connections.suffix(count) { connection.close() }
        let connections = connections.dropLast(count)
        try agent.wait(forConnections: limit - count, askingOn: connections[0])
        let late = try (0..<count).map { _ in try agent.connect() }
        for connection in late { #expect(try connection.ask(.get("/version")).status == 200) }
        #expect(try agent.connect().receiveAnswer().status == 503)
        for connection in connections { #expect(try connection.ask(.get("/version")).status == 200) }
    }
}
