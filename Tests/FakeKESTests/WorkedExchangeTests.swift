// SPDX-License-Identifier: Apache-2.0

import FakeKES
import KeyService
import TestSupport
import Testing

/// Exchanges as KES's own client and server were seen to have them, byte for byte.
struct WorkedExchangeTests {
    static let context = "eyJidWNrZXQiOiJidWNrZXQvb2JqZWN0In0="
    static let ciphertext =
        "e3lmf7+TAUIJTIiNk848zxZhxoRPeKdrwID+Vl64R9EfQzUZSGnuPkqAkLzZmmUyoKGio6SlpqeoqaqrrK2ur8DBwsPExcbHyMnKyw=="

    @Test("Generate, with a body whose length is not announced", arguments: CurlCommand.HTTPVersion.allCases)
    func generate(_ version: CurlCommand.HTTPVersion) async throws {
        try await withServer { server in
            let outcome = try Client(server, version)
                .run(
                    ["--request", "POST", "--upload-file", "-", "/v1/key/generate/my-key"],
                    input: #"{"context":"\#(Self.context)"}"#)
            let answer = try #require(outcome.answers.first)
            let plaintext = try #require(answer.bytes("plaintext"))
            let ciphertext = try #require(answer.bytes("ciphertext"))
            #expect(answer.status == 200 && answer.body.count == 181)
            #expect(plaintext.count == 32 && ciphertext.count == 76)
            Self.expectHead(of: answer, contentType: "application/json")

            let opened = try Client(server, version)
                .ask(
                    "POST", "/v1/key/decrypt/my-key",
                    #"{"ciphertext":"\#(ciphertext.base64)","context":"\#(Self.context)"}"#)
            #expect(opened.bytes("plaintext") == plaintext)
        }
    }

    @Test("Decrypt and its answer", arguments: CurlCommand.HTTPVersion.allCases)
    func decrypt(_ version: CurlCommand.HTTPVersion) async throws {
        try await withServer { server in
            let answer = try Client(server, version)
                .ask(
                    "POST", "/v1/key/decrypt/my-key",
                    #"{"ciphertext":"\#(Self.ciphertext)","context":"\#(Self.context)"}"#)
            #expect(answer.status == 200)
            #expect(answer.text == "{\"plaintext\":\"QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8=\"}\n")
            #expect(answer["Content-Length"] == "61")
            Self.expectHead(of: answer, contentType: "application/json")
        }
    }

    @Test("A wrong context", arguments: CurlCommand.HTTPVersion.allCases)
    func wrongContext(_ version: CurlCommand.HTTPVersion) async throws {
        try await withServer { server in
            let answer = try Client(server, version)
                .ask("POST", "/v1/key/decrypt/my-key", #"{"ciphertext":"\#(Self.ciphertext)"}"#)
            #expect(answer.status == 400)
            #expect(answer.text == "{\"message\":\"decryption failed: ciphertext is not authentic\"\n}")
            #expect(answer["Content-Length"] == "61")
            Self.expectHead(of: answer, contentType: "application/json")
        }
    }

    @Test("A success without a body", arguments: CurlCommand.HTTPVersion.allCases)
    func emptySuccess(_ version: CurlCommand.HTTPVersion) async throws {
        try await withServer { server in
            let client = try Client(server, version)
            let key = [UInt8](repeating: 7, count: 32).base64
            for answer in [
                try client.ask("POST", "/v1/key/create/made"),
                try client.ask("PUT", "/v1/key/import/brought", #"{"key":"\#(key)","cipher":"AES256"}"#),
                try client.ask("DELETE", "/v1/key/delete/made"),
                try client.ask("GET", "/v1/ready"),
            ] {
                #expect(answer.status == 200 && answer.body.isEmpty)
                #expect(answer["Content-Length"] == "0")
                Self.expectHead(of: answer, contentType: nil)
            }
            #expect(server.keys.names.map(\.description) == ["brought", "my-key"])
        }
    }

    private static func expectHead(
        of answer: HTTPAnswer, contentType: String?, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(answer["Content-Type"] == contentType, sourceLocation: sourceLocation)
        #expect(
            answer["Date"]?.wholeMatch(of: /[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT/) != nil,
            sourceLocation: sourceLocation)
        let names = Set(answer.fields.map { $0.name.lowercased() })
        #expect(names.isSubset(of: ["content-type", "content-length", "date"]), sourceLocation: sourceLocation)
    }
}
