// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// Exchanges as KES's own client and server were seen to have them, byte for byte. Only the order of headers is free,
/// and there may be more of them.
@Suite struct WorkedExchangeTests {
    @Test(arguments: Way.http11) func generateAsKESsClientSendsIt(way: Way) throws {
        let connection = try SharedAgent.connectRaw(by: way)
        try connection.send(
            """
            POST /v1/key/generate/my-key HTTP/1.1\r
            Host: 127.0.0.1:7373\r
            User-Agent: Go-http-client/1.1\r
            Transfer-Encoding: chunked\r
            Content-Type: application/json\r
            Accept-Encoding: gzip\r
            \r
            32\r
            {"context":"eyJidWNrZXQiOiJidWNrZXQvb2JqZWN0In0="}\r
            0\r
            \r

            """)
        let answer = try connection.receiveAnswer()
        #expect(answer.isDataKey)
        #expect(answer.body.count == 181)
        Self.expectHead(of: answer, "OK", contentType: "application/json")
    }

    @Test(arguments: Way.http11) func decryptAndItsAnswer(way: Way) throws {
        let connection = try SharedAgent.connectRaw(by: way)
        try connection.send(
            """
            POST /v1/key/decrypt/my-key HTTP/1.1\r
            Host: localhost\r
            Content-Type: application/json\r
            Content-Length: 170\r
            \r
            {"ciphertext":"e3lmf7+TAUIJTIiNk848zxZhxoRPeKdrwID+Vl64R9EfQzUZSGnuPkqAkLzZmmUyoKGio6SlpqeoqaqrrK2u\
            r8DBwsPExcbHyMnKyw==","context":"eyJidWNrZXQiOiJidWNrZXQvb2JqZWN0In0="}
            """)
        let answer = try connection.receiveAnswer()
        #expect(answer.text == "{\"plaintext\":\"QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8=\"}\n")
        #expect(answer["Content-Length"] == "61")
        Self.expectHead(of: answer, "OK", contentType: "application/json")
    }

    @Test(arguments: Way.allCases) func aWrongContext(way: Way) throws {
        let connection = try SharedAgent.connect(by: way)
        let answer = try connection.ask(.decrypt(ciphertext: Vector.binary))
        #expect(answer.status == 400)
        #expect(answer.text == "{\"message\":\"decryption failed: ciphertext is not authentic\"\n}")
        #expect(answer["Content-Length"] == "61")
        Self.expectHead(of: answer, "Bad Request", contentType: "application/json")
    }

    @Test(arguments: Way.allCases) func anEmptySuccess(way: Way) throws {
        let answer = try SharedAgent.ask(by: way, .get("/v1/ready"))
        #expect(answer.status == 200 && answer.body.isEmpty)
        #expect(answer["Content-Length"] == "0")
        Self.expectHead(of: answer, "OK", contentType: nil)
    }

    private static func expectHead(
        of answer: HTTPAnswer, _ reason: String, contentType: String?,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        // HTTP/2 has no word for a status.
        #expect(answer.reason == reason || answer.reason.isEmpty, sourceLocation: sourceLocation)
        #expect(answer["Content-Type"] == contentType, sourceLocation: sourceLocation)
        #expect(
            answer["Date"]?.wholeMatch(of: /[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT/) != nil,
            sourceLocation: sourceLocation)
        let id = answer["X-Request-Id"] ?? ""
        #expect(!id.isEmpty && id.utf8.allSatisfy { (0x21..<0x7f).contains($0) }, sourceLocation: sourceLocation)
        #expect(
            answer["Server"] == nil && answer["Transfer-Encoding"] == nil && !answer.closes,
            sourceLocation: sourceLocation)
        #expect(Set(answer.fields.map(\.name)).count == answer.fields.count, sourceLocation: sourceLocation)
    }
}
