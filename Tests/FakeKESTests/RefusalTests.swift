// SPDX-License-Identifier: Apache-2.0

import FakeKES
import KeyService
import TestSupport
import Testing

/// What is refused, how, and in which order it is looked at.
struct RefusalTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let method: String
        let path: String
        var body: String?
        let status: Int
        let message: String

        var testDescription: String { "\(self.method) \(self.path) \(self.body ?? "")" }
    }

    static let badName = "empty, too long or contains invalid characters"
    static let cases = [
        Case(method: "GET", path: "/v1/key/generate/-", status: 405, message: "received method 'GET' expected 'PUT'"),
        Case(method: "POST", path: "/v1/ready", status: 405, message: "received method 'POST' expected 'GET'"),
        Case(
            method: "POST", path: "/v1/key/generate/a.b", body: "x", status: 400,
            message: "key name 'a.b' is \(badName)"),
        Case(
            method: "POST", path: "/v1/key/generate/a%2Fb", body: "x", status: 400,
            message: "key name 'a/b' is \(badName)"),
        Case(method: "POST", path: "/v1/key/create/", status: 400, message: "key name '' is \(badName)"),
        Case(
            method: "GET", path: "/v1/key/list/a-", status: 400,
            message: "listing pattern 'a-' is empty, too long or is invalid"),
        Case(method: "POST", path: "/v1/key/generate/none", body: "x", status: 400, message: "invalid request body"),
        Case(
            method: "POST", path: "/v1/key/import/x", body: "x", status: 400, message: "invalid import key request body"
        ),
        Case(method: "POST", path: "/v1/key/generate/none", body: "{}", status: 404, message: "key does not exist"),
        Case(method: "POST", path: "/v1/key/decrypt/none", body: "{}", status: 404, message: "key does not exist"),
        Case(
            method: "POST", path: "/v1/key/decrypt/my-key", body: "{}", status: 400,
            message: "decryption failed: ciphertext is not authentic"),
        Case(method: "DELETE", path: "/v1/key/delete/none", status: 404, message: "key does not exist"),
        Case(method: "POST", path: "/v1/key/create/my-key", status: 400, message: "key already exists"),
        Case(
            method: "POST", path: "/v1/key/import/x", body: "{}", status: 406, message: "algorithm '' is not supported"),
    ]

    @Test("By path, method, name, body and key, in this order", arguments: Self.cases)
    func refuses(_ refused: Case) async throws {
        try await withServer { server in
            for version in CurlCommand.HTTPVersion.allCases {
                let answer = try Client(server, version).ask(refused.method, refused.path, refused.body)
                #expect(answer.status == refused.status)
                #expect(answer.message == refused.message, "\(answer.text)")
                #expect((answer["Accept"] != nil) == (refused.status == 405))
            }
        }
    }

    @Test("Paths that lead nowhere, or elsewhere", arguments: CurlCommand.HTTPVersion.allCases)
    func paths(_ version: CurlCommand.HTTPVersion) async throws {
        try await withServer { server in
            let client = try Client(server, version)
            for path in ["/", "/v1/status/", "/v1/key/bulk/decrypt/my-key"] {
                let answer = try client.ask("GET", path)
                #expect(answer.status == 404 && answer.text == "404 page not found\n")
                #expect(answer["Content-Type"] == "text/plain; charset=utf-8")
            }
            let redirect = try client.ask("POST", "/v1/key/list")
            #expect(redirect.status == 301 && redirect["Location"] == "/v1/key/list/" && redirect.body.isEmpty)
        }
    }

    @Test("An empty body of unknown length is none; one of no length is an empty context")
    func emptyBodies() async throws {
        try await withServer { server in
            for version in CurlCommand.HTTPVersion.allCases {
                let client = try Client(server, version)
                let unknown = try client.run(
                    ["--request", "POST", "--upload-file", "-", "/v1/key/generate/my-key"])
                #expect(unknown.answers.first?.message == "invalid request body")
                let none = try client.run(["--data-binary", "", "/v1/key/generate/my-key"])
                #expect(none.answers.first?.status == 200)
            }
        }
    }

    @Test("A million bytes, and one more", arguments: CurlCommand.HTTPVersion.allCases)
    func longBodies(_ version: CurlCommand.HTTPVersion) async throws {
        try await withServer { server in
            let client = try Client(server, version)
            for (byteCount, status) in [(1_000_000, 200), (1_000_001, 400), (3_000_000, 400)] {
                let outcome = try client.run(
                    ["--header", "Expect:", "--data-binary", "@-", "/v1/key/generate/my-key", "/version"],
                    input: "{}" + String(repeating: " ", count: byteCount - 2))
                #expect(outcome.answers.first?.status == status, "\(byteCount): \(outcome.error)")
            }
        }
    }

    @Test("A long answer is chunked, and whole", arguments: CurlCommand.HTTPVersion.allCases)
    func longAnswers(_ version: CurlCommand.HTTPVersion) async throws {
        try await withServer { setup in
            setup.listingPageSize = 250
        } body: { server in
            let names = try (1000..<1300).map { try #require(KeyName("key-\($0)")) }
            for name in names { try server.keys.put(name) }
            let answer = try Client(server, version).ask("GET", "/v1/key/list/key")
            #expect(answer["Content-Length"] == nil)
            #expect(answer.json["names"].elements.map(\.string) == names.prefix(250).map(\.description))
            #expect(answer.json["continue_at"].string == "key-1250")
            #expect(try Client(server, version).ask("GET", "/v1/key/list/key*").text == "{\"names\":[]}\n")
        }
    }
}
