// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// The body of generate: which context counts, and when there is none.
///
/// A KES client that tries a second server sends it an empty body of unknown length. Whoever takes that for "no context"
/// seals an object that can never be opened again.
@Suite struct ContextTests {
    private let path = "/v1/key/generate/my-key"

    @Test(arguments: Way.allCases) func anEmptyBodyOfUnknownLengthMakesNoDataKey(way: Way) throws {
        let connection = try SharedAgent.connect(by: way)
        let answer = try connection.ask(HTTPRequest("POST", self.path, body: .chunked("")))
        expect(answer, refuses: 400, "invalid request body")
        try expectNextAnswer(on: connection)
    }

    @Test(arguments: Way.http11, ["0\r\n\r\n", "000\r\n\r\n", "0;name=value\r\n\r\n", "0\r\nTrailer: value\r\n\r\n"])
    func norDoesItHoweverItsEndIsWritten(way: Way, chunks: String) throws {
        let connection = try SharedAgent.connectRaw(by: way)
        try connection.send(HTTPRequest("POST", self.path, fields: ["Transfer-Encoding: chunked"]).head + chunks)
        expect(try connection.receiveAnswer(), refuses: 400, "invalid request body")
        try expectNextAnswer(on: connection)
    }

    @Test(arguments: Way.allCases, [HTTPRequest.Body.none, .fixed(""), .fixed("{}"), .chunked("{}"), .fixed("null")])
    func withoutAContextADataKeyOpensHoweverItsAbsenceIsWritten(way: Way, body: HTTPRequest.Body) throws {
        let connection = try SharedAgent.connect(by: way)
        let dataKey = try connection.ask(HTTPRequest("POST", self.path, body: body))
        #expect(dataKey.isDataKey)
        let ciphertext = try #require(dataKey.json["ciphertext"].string)
        for context in ["", ",\"context\":null", ",\"context\":\"\""] {
            let answer = try connection.ask(
                .post("/v1/key/decrypt/my-key", "{\"ciphertext\":\"\(ciphertext)\"\(context)}"))
            #expect(answer.status == 200)
            #expect(answer.json["plaintext"] == dataKey.json["plaintext"])
        }
        let withBraces = try connection.ask(
            .post("/v1/key/decrypt/my-key", "{\"ciphertext\":\"\(ciphertext)\",\"context\":\"e30=\"}"))
        expect(withBraces, refuses: 400, "decryption failed: ciphertext is not authentic")
    }

    /// What is lenient in KES must not lose a context on the way.
    @Test(
        arguments: Way.allCases,
        [
            ("{\"context\":null}", ""),
            ("{\"CONTEXT\":\"e30=\"}", "{}"),
            ("{\"context\":\"e30=\",\"x\":[1,{}]}", "{}"),
            ("{\"x\":{\"context\":\"AAAA\"},\"context\":\"e30=\"}", "{}"),
            (" \t\r\n{ \"context\" : \"e30=\" } ", "{}"),
            ("{\"context\":\"e\\u00330=\"}", "{}"),
            ("{\"cont\\u0065xt\":\"e30=\"}", "{}"),
            ("{\"version\":\"\",\"context\":\"e30=\"}", "{}"),
        ]
    )
    func whatIsReadOfTheBodyIsTheContext(way: Way, sample: (body: String, context: String)) throws {
        let (body, context) = sample
        let connection = try SharedAgent.connect(by: way)
        let dataKey = try connection.ask(.post(self.path, body))
        #expect(dataKey.isDataKey, "\(dataKey.text)")
        let ciphertext = try #require(dataKey.bytes("ciphertext"))
        let answer = try connection.ask(.decrypt(ciphertext: ciphertext, context: Array(context.utf8)))
        #expect(answer.status == 200)
    }

    @Test(arguments: Way.allCases) func ofTwoContextsTheLastCountsOrNone(way: Way) throws {
        let connection = try SharedAgent.connect(by: way)
        let dataKey = try connection.ask(.post(self.path, "{\"context\":\"AAAA\",\"context\":\"e30=\"}"))
        guard let ciphertext = dataKey.bytes("ciphertext") else {
            return expect(dataKey, refuses: 400, "invalid request body")
        }
        #expect(try connection.ask(.decrypt(ciphertext: ciphertext, context: Array("{}".utf8))).status == 200)
    }
}

extension HTTPRequest.Body: CustomTestStringConvertible {
    package var testDescription: String {
        switch self {
        case .none: "no body"
        case .fixed(let bytes): "'\(String(decoding: bytes, as: UTF8.self))'"
        case .chunked(let chunks): "'\(String(decoding: chunks.joined(), as: UTF8.self))' in \(chunks.count) chunks"
        }
    }
}
