// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// Bodies that are none, and how long they may be.
@Suite struct RequestBodyTests {
    private static let byteCountMax = 1_000_000

    @Test(
        arguments: Way.allCases,
        [
            "{\"context\":\"e30\"}", "{\"context\":\"e3_=\"}", "{\"context\":\"e30=====\"}", "{\"context\":\"e30 \"}",
            "{\"context\":5}", "{\"context\":true}", "{\"context\":{}}", "[]", "\"x\"", "5", "true", " ", "\n",
            "{\"context\":\"e30=\"", "{\"context\":\"e30=", "{\"context\":\"e30=\",}", "{\"context\" \"e30=\"}",
            "{'context':'e30='}", "{context:\"e30=\"}", "\u{FEFF}{}", "{\"x\":\"\\ud800\"}", "{\"x\":\"\\x\"}",
            "{\"x\":\"\u{1}\"}", "{\"x\":01}", "{\"x\":nul}", "{\"x\":[1,]}", "{,}", "}", "e30=",
        ]
    )
    func aMalformedBodyIsRefusedAndTheConnectionLives(way: Way, body: String) throws {
        let connection = try SharedAgent.connect(by: way)
        for request in [
            HTTPRequest.post("/v1/key/generate/my-key", body), .post("/v1/key/generate/my-key", body).chunked(),
        ] {
            expect(try connection.ask(request), refuses: 400, "invalid request body")
        }
        #expect(try connection.ask(.generate()).isDataKey)
    }

    @Test(arguments: Way.allCases, ["{\"context\":\"\u{0}\"}", "{\"x\":\"\u{0}\"}", "{\"\u{0}\":1}"])
    func invalidUTF8IsRefused(way: Way, template: String) throws {
        let body = template.utf8.map { $0 == 0 ? 0xff : $0 }
        let answer = try SharedAgent.ask(
            by: way, HTTPRequest("POST", "/v1/key/generate/my-key", body: .fixed(Array(body))))
        expect(answer, refuses: 400, "invalid request body")
    }

    @Test(arguments: Way.allCases, ["[", "{\"x\":"])
    func nestingWithoutEndIsRefused(way: Way, opening: String) throws {
        let closing = opening == "[" ? "]" : "}"
        let deep = String(repeating: opening, count: 10_000)
        let connection = try SharedAgent.connect(by: way)
        for body in ["{\"x\":\(deep)", "{\"x\":\(deep)1\(String(repeating: closing, count: 10_000))}"] {
            expect(try connection.ask(.post("/v1/key/generate/my-key", body)), refuses: 400, "invalid request body")
        }
        #expect(try connection.ask(.generate()).isDataKey)
    }

    @Test(
        arguments: Way.allCases,
        [
            ("decrypt/my-key", "invalid request body"), ("encrypt/my-key", "invalid request body"),
            ("hmac/my-key", "invalid request body"), ("import/new-key", "invalid import key request body"),
        ]
    )
    func anEmptyBodyIsRefusedWhereOneIsNeeded(way: Way, route: (path: String, message: String)) throws {
        let connection = try SharedAgent.connect(by: way)
        for body in [HTTPRequest.Body.none, .fixed(""), .chunked("")] {
            let answer = try connection.ask(HTTPRequest("POST", "/v1/key/\(route.path)", body: body))
            expect(answer, refuses: 400, route.message)
        }
    }

    @Test(arguments: Way.allCases, ["[]", "{\"plaintext\":\"?\"}", "{\"ciphertext\":\"?\"}", "{\"message\":\"?\"}"])
    func aValueThatIsNotBase64IsRefused(way: Way, body: String) throws {
        let connection = try SharedAgent.connect(by: way)
        let operation =
            body.contains("ciphertext") ? "decrypt" : body.contains("message") ? "hmac" : "encrypt"
        expect(
            try connection.ask(.post("/v1/key/\(operation)/my-key", body)), refuses: 400, "invalid request body")
    }

    @Test(arguments: Way.allCases, [false, true])
    func aBodyOfAMillionBytesIsRead(way: Way, isChunked: Bool) throws {
        let connection = try SharedAgent.connect(by: way)
        for body in [Self.padded("{\"context\":\"e30=\"}", behind: true), Self.padded("{}", behind: false)] {
            let request = HTTPRequest.post("/v1/key/generate/my-key", body)
            #expect(try connection.ask(isChunked ? request.chunked(by: 65_521) : request).isDataKey)
        }
    }

    /// 413 would be plainer, and is not what KES's clients know.
    @Test(
        arguments: Way.allCases,
        [
            ("generate/my-key", "invalid request body"), ("decrypt/my-key", "invalid request body"),
            ("encrypt/my-key", "invalid request body"), ("hmac/my-key", "invalid request body"),
            ("import/new-key", "invalid import key request body"),
        ]
    )
    func oneByteMoreIsRefused(way: Way, route: (path: String, message: String)) throws {
        let request = HTTPRequest.post("/v1/key/\(route.path)", Self.padded("{}", behind: true) + " ")
        for request in [request, request.chunked(by: 65_521)] {
            guard way.isHTTP2 else {
                try Self.expectTheEnd(behind: request, route.message, by: way)
                continue
            }
            let connection = try SharedAgent.connect(by: way)
            expect(try connection.ask(request), refuses: 400, route.message)
            try expectNextAnswer(on: connection)
        }
    }

    /// Whoever has refused a body by HTTP/1.1 does not read on to find out where it ends.
    private static func expectTheEnd(behind request: HTTPRequest, _ message: String, by way: Way) throws {
        let connection = try SharedAgent.connectRaw(by: way)
        try connection.sendWhatIsTaken(request.bytes)
        let answer = try connection.receiveAnswer()
        expect(answer, refuses: 400, message)
        #expect(answer.closes)
        try connection.receiveEnd(mayBeReset: true)
    }

    @Test(arguments: Way.http11) func anAnnouncedLengthThatIsTooLongIsRefusedBeforeTheBodyComes(way: Way) throws {
        for length in ["1000001", "9223372036854775807", "18446744073709551616", "99999999999999999999999"] {
            let connection = try SharedAgent.connectRaw(by: way)
            try connection.send(
                HTTPRequest("POST", "/v1/key/generate/my-key", fields: ["Content-Length: \(length)"]).head)
            let answer = try connection.receiveAnswer()
            #expect(answer.status == 400 && answer.closes && answer.message != nil, "\(length)")
            try connection.receiveEnd()
        }
    }

    @Test(arguments: Way.allCases) func whatTheClientSaysOfItsBodyDoesNotMatter(way: Way) throws {
        let connection = try SharedAgent.connect(by: way)
        for fields in [
            [], ["Content-Type: text/plain"], ["Content-Type: application/x-protobuf", "Accept: text/html"],
        ] {
            let request = HTTPRequest(
                "PUT", "/v1/key/generate/my-key", fields: fields, body: .fixed("{\"context\":\"e30=\"}"))
            #expect(try connection.ask(request).isDataKey)
        }
        let compressed = [UInt8](hex: "1f8b08000000000000ffabae05004f9df943bf02000000")
        let request = HTTPRequest(
            "POST", "/v1/key/generate/my-key", fields: ["Content-Encoding: gzip"], body: .fixed(compressed))
        expect(try connection.ask(request), refuses: 400, "invalid request body", "it is no JSON")
    }

    private static func padded(_ text: String, behind: Bool) -> String {
        let blanks = String(repeating: " ", count: self.byteCountMax - text.utf8.count)
        return behind ? text + blanks : blanks + text
    }
}
