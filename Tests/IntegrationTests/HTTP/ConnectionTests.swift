// SPDX-License-Identifier: Apache-2.0

import Glibc
import TestSupport
import Testing

/// What a connection carries, however its bytes are cut: every request is answered, once and in order.
@Suite struct ConnectionTests {
    @Test(arguments: Way.http11) func aHundredRequestsInOneSegmentAreAnsweredInOrder(way: Way) throws {
        let connection = try SharedAgent.connectRaw(by: way)
        let contexts = (0..<100).map { [UInt8](repeating: UInt8($0), count: $0) }
        try connection.send(contexts.flatMap { HTTPRequest.generate(context: $0).bytes })
        let dataKeys = try connection.receiveAnswers(100)
        // Only the right order opens them.
        let ciphertexts = try dataKeys.map { try #require($0.bytes("ciphertext")) }
        try connection.send(
            zip(ciphertexts, contexts).flatMap { HTTPRequest.decrypt(ciphertext: $0, context: $1).bytes })
        let answers = try connection.receiveAnswers(100)
        #expect(answers.map { $0.bytes("plaintext") } == dataKeys.map { $0.bytes("plaintext") })
    }

    /// Answers that are at hand and answers that take a moment must not overtake each other.
    @Test(arguments: Way.http11) func differentRequestsInOneSegmentAreAnsweredInOrder(way: Way) throws {
        let connection = try SharedAgent.connectRaw(by: way)
        let round: [HTTPRequest] = [
            .get("/v1/status"), .generate(), .get("/nowhere"), .post("/v1/key/hmac/my-key", "{\"message\":\"\"}"),
            .generate("other-key"), .get("/v1/key/list/"), .generate(context: [1]).chunked(by: 3),
            .encrypt(plaintext: [1]),
            HTTPRequest("HEAD", "/version"), .get("/v1/ready"), HTTPRequest("OPTIONS", "*"),
        ]
        try connection.send((0..<10).flatMap { _ in round.flatMap(\.bytes) })
        for _ in 0..<10 {
            let statuses = try round.map { try connection.receiveAnswer(toHead: $0.method == "HEAD").status }
            #expect(statuses == [200, 200, 404, 200, 404, 200, 200, 501, 405, 200, 200])
        }
    }

    @Test(arguments: Way.http11, [false, true])
    func oneRequestInTwoHundredSegmentsIsOneRequest(way: Way, isChunked: Bool) throws {
        let request = HTTPRequest.decrypt(ciphertext: Vector.binary, context: Vector.context)
        let bytes = (isChunked ? request.chunked(by: 7) : request).bytes
        let connection = try SharedAgent.connectRaw(by: way)
        try connection.send(bytes, inSegments: 200)
        #expect(try connection.receiveAnswer().bytes("plaintext") == Vector.plaintext)
        try expectNextAnswer(on: connection)
    }

    /// Every place at which a stream can be cut, with the next request behind the cut.
    @Test(arguments: Way.http11) func aRequestCutInTwoAnywhereIsOneRequest(way: Way) throws {
        let bytes = HTTPRequest.generate(context: Vector.context).chunked(by: 20).bytes
        let connection = try SharedAgent.connectRaw(by: way)
        var rest: [UInt8] = []
        for cut in bytes.indices.dropFirst() {
            try connection.send(rest + bytes[..<cut])
            try connection.waitUntilTaken()
            rest = Array(bytes[cut...])
        }
        try connection.send(rest)
        #expect(try connection.receiveAnswers(bytes.count - 1).allSatisfy { $0.isDataKey })
    }

    @Test(
        arguments: Way.http11,
        [
            "5\r\n{\"con\r\nE\r\ntext\":\"e30=\"} \r\n0\r\n\r\n",
            "0000000000000011\r\n{\"context\":\"e30=\"\r\n1;a=b;c=\"d\"\r\n}\r\n0\r\n\r\n",
            "1\r\n{\r\n1\r\n}\r\n0\r\nTrailer: x\r\nContent-Length: 9\r\n\r\n",
            "a\r\n{\"context\"\r\nA\r\n:\"e30=\"}  \r\n0\r\n\r\n",
        ]
    )
    func chunksMayBeWrittenInManyWays(way: Way, chunks: String) throws {
        let connection = try SharedAgent.connectRaw(by: way)
        try connection.send(
            HTTPRequest("POST", "/v1/key/generate/my-key", fields: ["Transfer-Encoding: Chunked"]).head + chunks)
        #expect(try connection.receiveAnswer().isDataKey)
        try expectNextAnswer(on: connection)
    }

    @Test(arguments: Way.http11) func aClientThatHasFinishedSendingStillGetsItsAnswers(way: Way) throws {
        let connection = try SharedAgent.connectRaw(by: way)
        try connection.send([HTTPRequest.generate(), .get("/v1/status"), .generate()].flatMap(\.bytes))
        try connection.finishSending()
        #expect(try connection.receiveAnswers(3).map(\.status) == [200, 200, 200])
        try connection.receiveEnd()
    }

    @Test(arguments: Way.http11, ["close", "Close", "keep-alive, close"])
    func aClientThatWantsToCloseIsClosed(way: Way, value: String) throws {
        let connection = try SharedAgent.connectRaw(by: way)
        let answer = try connection.ask(HTTPRequest("GET", "/version", fields: ["Connection: \(value)"]))
        #expect(answer.status == 200 && answer.closes)
        try connection.receiveEnd()
    }

    @Test(arguments: Way.http11, ["", "Connection: keep-alive\r\n", "Host: localhost\r\n"])
    func http10IsAnsweredAndClosed(way: Way, fields: String) throws {
        let connection = try SharedAgent.connectRaw(by: way)
        try connection.send("GET /version HTTP/1.0\r\n\(fields)\r\n")
        #expect(try connection.receiveAnswer().status == 200)
        try connection.receiveEnd()
    }

    @Test(arguments: Way.http11) func anAbsoluteTargetIsServed(way: Way) throws {
        let connection = try SharedAgent.connectRaw(by: way)
        #expect(try connection.ask(.get("http://localhost/version")).status == 200)
    }

    @Test(arguments: Way.allCases) func theClientsNameForARequestComesBack(way: Way) throws {
        let connection = try SharedAgent.connect(by: way)
        let named = try connection.ask(HTTPRequest("GET", "/version", fields: ["X-Request-Id: request-1"]))
        #expect(named["X-Request-Id"] == "request-1")
        let ids = try (0..<3).map { _ in try connection.ask(.get("/version"))["X-Request-Id"] }
        #expect(Set(ids).count == 3 && !ids.contains(nil))
    }

    /// A long life on one connection, and its end.
    @Test(arguments: Way.http11) func tenThousandRequestsOnOneConnectionAndThenADrain(way: Way) throws {
        let files = try TLSFiles()
        try files.withAgent { listening in
            let agent = listening.agent
            let connection = try listening.connectRaw(by: way, as: files.client)
            let hundred = (0..<100)
                .flatMap { _ in HTTPRequest.decrypt(ciphertext: Vector.binary, context: Vector.context).bytes }
            for _ in 0..<100 {
                try connection.send(hundred)
                let answers = try connection.receiveAnswers(100)
                #expect(answers.allSatisfy { $0.bytes("plaintext") == Vector.plaintext && !$0.closes })
            }
            let last = HTTPRequest.generate().bytes
            try connection.send(Array(last.prefix(30)))
            try connection.waitUntilTaken()
            try agent.signal(SIGTERM)
            try agent.notifications.wait(for: "STOPPING=1")
            try connection.send(Array(last.dropFirst(30)))
            let answer = try connection.receiveAnswer()
            #expect(answer.isDataKey && answer.closes)
            try connection.receiveEnd()
            #expect(try agent.waitForExit() == .exited(0))
        }
    }
}
