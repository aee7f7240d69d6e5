// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// `Expect: 100-continue`: a client that waits to be asked for its body must never wait in vain.
@Suite struct ExpectationTests {
    private func head(_ target: String, _ fields: [String]) -> String {
        HTTPRequest("POST", target, fields: fields).head
    }

    @Test(arguments: Way.http11, ["Content-Length: 2", "Transfer-Encoding: chunked"])
    func aBodyIsAskedForAndThenRead(way: Way, framing: String) throws {
        let connection = try SharedAgent.connectRaw(by: way)
        try connection.send(self.head("/v1/key/generate/my-key", ["Expect: 100-continue", framing]))
        let interim = try connection.receiveAnswer()
        #expect(interim.status == 100 && interim.fields.isEmpty)
        try connection.send(framing.hasSuffix("2") ? "{}" : "2\r\n{}\r\n0\r\n\r\n")
        #expect(try connection.receiveAnswer().isDataKey)
        try expectNextAnswer(on: connection)
    }

    @Test(arguments: Way.http11, ["Content-Length: 2", "Transfer-Encoding: chunked"])
    func whatIsRefusedAnyhowIsRefusedAtOnce(way: Way, framing: String) throws {
        let refused = [
            ("/v1/key/generate/-", 400, "key name '-' is empty, too long or contains invalid characters"),
            ("/v1/status", 405, "received method 'POST' expected 'GET'"),
        ]
        for (target, status, message) in refused {
            let connection = try SharedAgent.connectRaw(by: way)
            try connection.send(self.head(target, ["Expect: 100-continue", framing]))
            let answer = try connection.receiveAnswer()
            expect(answer, refuses: status, message)
            #expect(answer.closes, "nobody knows whether the body will come")
            try connection.receiveEnd()
        }
    }

    @Test(arguments: Way.http11) func aBodyThatIsTooLongIsRefusedAtOnce(way: Way) throws {
        let connection = try SharedAgent.connectRaw(by: way)
        try connection.send(
            self.head("/v1/key/generate/my-key", ["Expect: 100-continue", "Content-Length: 1000001"]))
        expect(try connection.receiveAnswer(), refuses: 400, "invalid request body")
        try connection.receiveEnd()
    }

    @Test(arguments: Way.http11) func anotherExpectationFails(way: Way) throws {
        let connection = try SharedAgent.connectRaw(by: way)
        try connection.send(self.head("/v1/key/generate/my-key", ["Expect: more", "Content-Length: 2"]) + "{}")
        let answer = try connection.receiveAnswer()
        #expect(answer.status == 417 && answer.closes && answer.message != nil)
        try connection.receiveEnd()
    }

    @Test(arguments: Way.http11) func whoDoesNotWaitIsServedToo(way: Way) throws {
        let connection = try SharedAgent.connectRaw(by: way)
        try connection.send(
            self.head("/v1/key/generate/my-key", ["Expect: 100-continue", "Content-Length: 2"]) + "{}")
        var answer = try connection.receiveAnswer()
        if answer.status == 100 { answer = try connection.receiveAnswer() }
        #expect(answer.isDataKey)
        try expectNextAnswer(on: connection)
    }
}
