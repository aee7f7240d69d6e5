// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// Clients that take their time. The tests wait for what the agent does, however long that takes.
@Suite struct TimeoutTests {
    @Test(arguments: ["G", "GET /version HT", "GET /version HTTP/1.1\r\nHost: localhost\r\n"])
    func aSlowHeaderIsRefused(beginning: String) throws {
        try withAgent {
            $0.environment["KEYSIDE_LIMITS_HEADER_TIMEOUT"] = "200ms"
        } body: { agent in
            let connection = try agent.connect()
            try connection.send(.get("/version"))
            #expect(try connection.receiveAnswer().status == 200)
            try connection.send(beginning)
            let answer = try connection.receiveAnswer()
            #expect(answer.status == 400 && answer.closes && answer.message?.isEmpty == false)
            try connection.receiveEnd()
            #expect(try agent.ask(.get("/version")).status == 200)
        }
    }

    @Test func aConnectionWithoutRequestsIsClosed() throws {
        try withAgent {
            $0.environment["KEYSIDE_LIMITS_IDLE_TIMEOUT"] = "1s"
        } body: { agent in
            let (silent, served) = (try agent.connect(), try agent.connect())
            #expect(try served.ask(.generate()).isDataKey)
            try silent.receiveEnd()
            try served.receiveEnd()
        }
    }

    /// The time for a header does not run between requests, nor the time without requests within one.
    @Test func eachTimeoutMindsItsOwnBusiness() throws {
        try withAgent {
            $0.environment["KEYSIDE_LIMITS_HEADER_TIMEOUT"] = "50ms"
            $0.environment["KEYSIDE_LIMITS_IDLE_TIMEOUT"] = "1h"
        } body: { agent in
            let (idle, slow) = (try agent.connect(), try agent.connect())
            #expect(try idle.ask(.generate()).isDataKey)
            try slow.send("GET")
            #expect(try slow.receiveAnswer().status == 400)
            // By now the first has been idle for as long as a header may take.
            #expect(try idle.ask(.generate()).isDataKey)
        }
    }
}
