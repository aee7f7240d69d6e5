// SPDX-License-Identifier: Apache-2.0

import HTTPServer
import KESProtocol
import KeyService
import LockedMemory
import ServerTestSupport
import Testing

@testable import KESFront

/// The KES API over a key service that is fast, slow, failing or gone.
@Suite(.timeLimit(.minutes(5))) struct KESOperationsTests {
    typealias Speed = ScriptedKeyService.Speed

    // MARK: The two speeds

    /// Requests to the two hot endpoints, of every outcome.
    private static let hotRequests = [
        post("/v1/key/generate/my-key", #"{"context":"e30="}"#), put("/v1/key/generate/my-key", "{}"),
        post("/v1/key/generate/my-key", ""), request("POST", "/v1/key/generate/my-key"),
        chunked("/v1/key/generate/my-key", [#"{"con"#, #"text":"eHk="}"#]),
        post("/v1/key/generate/no-key", "{}"), post("/v1/key/generate/my-key", "["),
        chunked("/v1/key/generate/my-key", []),
        // Bm15LWtleQJ7fRsaGQ== is what the scripted service makes of 41 40 43 for `my-key` and the context `{}`.
        post("/v1/key/decrypt/my-key", #"{"ciphertext":"Bm15LWtleQJ7fRsaGQ==","context":"e30="}"#),
        put("/v1/key/decrypt/my-key", #"{"ciphertext":"Bm15LWtleQJ7fQ==","context":"e30="}"#),
        post("/v1/key/decrypt/my-key", #"{"ciphertext":"Bm15LWtleQJ7fRsaGQ=="}"#),
        post("/v1/key/decrypt/no-key", #"{"ciphertext":"Bm15LWtleQJ7fRsaGQ==","context":"e30="}"#),
        post("/v1/key/decrypt/my-key", "{}"), post("/v1/key/decrypt/my-key", ""),
        request("GET", "/v1/key/decrypt/my-key"),
    ]

    @Test func bothSpeedsGiveTheSameBytes() async throws {
        var answers: [[Answer]] = []
        for speed in Speed.allCases {
            let bench = try KESServiceFixture(speed)
            let client = try await bench.connect().client
            try await client.send(Self.hotRequests.joined())
            answers.append(try await client.receive(Self.hotRequests.count).map(\.withoutTimeAndID))
            let isFast = speed == .atOnce
            #expect(bench.service.journal.count(of: "generate at once") == (isFast ? 6 : 0))
            #expect(bench.service.journal.count(of: "generate") == (isFast ? 0 : 6))
            #expect(bench.service.journal.count(of: "decrypt at once") == (isFast ? 5 : 0))
            #expect(bench.service.journal.count(of: "decrypt") == (isFast ? 0 : 5))
        }
        #expect(answers[0] == answers[1])
        let statuses = [200, 200, 200, 200, 200, 404, 400, 400, 200, 200, 400, 404, 400, 400, 405]
        #expect(answers[0].map(\.status) == statuses)
        #expect(answers[0][8].text == "{\"plaintext\":\"QUBD\"}\n")
        #expect(answers[0][9].text == "{\"plaintext\":\"\"}\n")
    }

    @Test("what was generated opens under its key and context", arguments: Speed.allCases)
    func generateAndDecrypt(speed: Speed) async throws {
        let bench = try KESServiceFixture(speed, keys: ["my-key", "other"])
        let generated = try await bench.ask(post("/v1/key/generate/my-key", #"{"context":"e30="}"#))
        #expect(generated["Content-Type"] == "application/json")
        let plaintext = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
        let parts = generated.text.split(separator: "\"", omittingEmptySubsequences: false)
        try #require(parts.count == 9)
        #expect(generated.text == "{\"plaintext\":\"\(plaintext)\",\"ciphertext\":\"\(parts[7])\"}\n")

        let body = #"{"ciphertext":"\#(parts[7])","context":"e30="}"#
        #expect(try await bench.ask(post("/v1/key/decrypt/my-key", body)).text == "{\"plaintext\":\"\(plaintext)\"}\n")
        let refusal = "{\"message\":\"decryption failed: ciphertext is not authentic\"\n}"
        #expect(try await bench.ask(post("/v1/key/decrypt/other", body)).text == refusal)
        let withoutContext = #"{"ciphertext":"\#(parts[7])"}"#
        #expect(try await bench.ask(post("/v1/key/decrypt/my-key", withoutContext)).text == refusal)
    }

    @Test("keys are wiped where they were written", arguments: Speed.allCases)
    func wiped(speed: Speed) async throws {
        let bench = try KESServiceFixture(speed)
        let connection = try await bench.connect()
        try await connection.client.send(Self.hotRequests.joined())
        _ = try await connection.client.receive(Self.hotRequests.count)
        try await connection.turn()
        #expect(!connection.holds("secret"))
    }

    // MARK: The empty body

    @Test("a body that is empty and was not announced makes no data key", arguments: Speed.allCases)
    func emptyBody(speed: Speed) async throws {
        let bench = try KESServiceFixture(speed)
        let answer = try await bench.ask(chunked("/v1/key/generate/my-key", []))
        #expect(answer.status == 400)
        #expect(answer.text == "{\"message\":\"invalid request body\"\n}")
        #expect(bench.service.journal.count(of: "generate") == 0)
        #expect(bench.service.journal.count(of: "generate at once") == 0)
        #expect(try await bench.ask(post("/v1/key/generate/my-key", "")).status == 200)
    }

    // MARK: Failures

    /// Every key operation, with a request that is good.
    static let operations: [(Operation, String)] = [
        (.generateKey, post("/v1/key/generate/my-key", "{}")),
        (.decrypt, post("/v1/key/decrypt/my-key", #"{"ciphertext":"Bm15LWtleQJ7fRsaGQ==","context":"e30="}"#)),
        (.encrypt, post("/v1/key/encrypt/my-key", #"{"plaintext":"QUBD"}"#)),
        (.hmac, put("/v1/key/hmac/my-key", #"{"message":"QUBD"}"#)),
        (.describeKey, request("GET", "/v1/key/describe/my-key")),
        (.listKeys, request("GET", "/v1/key/list/")),
        (.createKey, request("POST", "/v1/key/create/new")),
        (.importKey, post("/v1/key/import/new", #"{"key":"\#(key)","cipher":"AES256"}"#)),
        (.deleteKey, request("DELETE", "/v1/key/delete/my-key")),
    ]
    private static let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

    /// All but a lack of memory, which is waited for.
    private static let errors = KeyServiceError.allCases.filter { $0 != .outOfMemory }

    @Test("a service's failure is the client's answer", arguments: Self.errors, Speed.allCases)
    func failures(error: KeyServiceError, speed: Speed) async throws {
        let bench = try KESServiceFixture(speed)
        bench.service.fail(with: error)
        let client = try await bench.connect().client
        for (endpoint, request) in Self.operations {
            try await client.send(request)
            let answer = try await client.receive()
            let failure = KESFailure(error, at: endpoint)
            #expect(answer.status == failure.status, "\(endpoint)")
            #expect(answer.body == failure.body, "\(endpoint)")
            #expect(answer["Content-Type"] == "application/json")
            #expect(answer["Retry-After"] == (answer.status == 503 ? "1" : nil))
            #expect(!answer.closes)
        }
        bench.service.fail(with: nil)
        for (_, request) in Self.operations {
            try await client.send(request)
            #expect(try await client.receive().status == (request.contains("import") ? 400 : 200))
        }
    }

    @Test(
        "a service that nobody reaches",
        arguments: [
            (.generateKey, 502, "failed to read key"), (.decrypt, 502, "failed to read key"),
            (.encrypt, 502, "failed to read key"), (.hmac, 502, "failed to read key"),
            (.describeKey, 502, "failed to read key"), (.listKeys, 502, "failed to list keys"),
            (.createKey, 502, "failed to create key"), (.importKey, 502, "failed to create key"),
            (.deleteKey, 502, "failed to delete key"),
        ] as [(Operation, Int, String)])
    func unreachable(endpoint: Operation, status: Int, message: String) async throws {
        let bench = try KESServiceFixture()
        bench.service.disconnect()
        let request = try #require(Self.operations.first { $0.0 == endpoint }).1
        let answer = try await bench.ask(request)
        #expect(answer.status == status)
        #expect(answer.text == "{\"message\":\"\(message)\"\n}")
    }

    // MARK: The other operations

    @Test func anEncryptedPlaintextDecrypts() async throws {
        let bench = try KESServiceFixture()
        let sealed = try await bench.ask(post("/v1/key/encrypt/my-key", #"{"plaintext":"QUBD","context":"e30="}"#))
        #expect(sealed.text == "{\"ciphertext\":\"Bm15LWtleQJ7fRsaGQ==\"}\n")
        let empty = try await bench.ask(post("/v1/key/encrypt/my-key", "{}"))
        #expect(empty.text == "{\"ciphertext\":\"Bm15LWtleQA=\"}\n")
    }

    @Test func theLongestPlaintextPasses() async throws {
        let bench = try KESServiceFixture()
        let base64 = String(repeating: "QUBD", count: 249_900)
        let client = try await bench.connect().client
        try await client.send(post("/v1/key/encrypt/my-key", "{\"plaintext\":\"\(base64)\"}"))
        let sealed = try await client.receive()
        #expect(sealed.status == 200)
        let ciphertextByteCount = 8 + 749_700  // With the scripted service's header.
        #expect(sealed.body.count == "{'ciphertext':''}\n".utf8.count + (ciphertextByteCount + 2) / 3 * 4)
    }

    @Test func aKeyIsMadeDescribedListedUsedAndDeleted() async throws {
        let bench = try KESServiceFixture(keys: ["my-key", "my-other"])
        let client = try await bench.connect().client
        func ask(_ request: String) async throws -> Answer {
            try await client.send(request)
            return try await client.receive()
        }

        for request in [
            request("POST", "/v1/key/create/a"), request("PUT", "/v1/key/create/b"),
            post("/v1/key/import/c", #"{"key":"\#(Self.key)","cipher":"ChaCha20"}"#),
        ] {
            let answer = try await ask(request)
            #expect(answer.status == 200)
            #expect(answer["Content-Length"] == "0")
            #expect(answer["Content-Type"] == nil)
        }
        for request in [
            request("POST", "/v1/key/create/a"), post("/v1/key/import/c", #"{"key":"\#(Self.key)","cipher":"AES256"}"#),
        ] {
            let answer = try await ask(request)
            #expect(answer.status == 400)
            #expect(answer.text == "{\"message\":\"key already exists\"\n}")
        }
        #expect(
            try await ask(request("GET", "/v1/key/describe/c")).text
                == #"{"name":"c","algorithm":"ChaCha20","created_at":"2026-01-02T03:04:05Z","created_by":"somebody"}"#
                + "\n")
        for (pattern, names) in [
            ("", #"["a","b","c","my-key","my-other"]"#), ("*", #"["a","b","c","my-key","my-other"]"#),
            ("my", #"["my-key","my-other"]"#), ("my*", #"["my-key","my-other"]"#), ("zzz", "[]"),
        ] {
            #expect(try await ask(request("GET", "/v1/key/list/\(pattern)")).text == "{\"names\":\(names)}\n")
        }
        #expect(try await ask(request("GET", "/v1/key/list")).text.hasPrefix("{\"names\":[\"a\""))
        #expect(
            try await ask(put("/v1/key/hmac/a", #"{"message":"AQI="}"#)).text
                == "{\"hmac\":\"BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ=\"}\n")
        #expect(try await ask(request("DELETE", "/v1/key/delete/a")).withoutTimeAndID.body.isEmpty)
        #expect(try await ask(request("DELETE", "/v1/key/delete/a")).status == 404)
        #expect(try await ask(post("/v1/key/generate/a", "{}")).status == 404)
    }

    // MARK: Memory for what requests bring

    @Test func secretsOfRequestsEndWithThem() async throws {
        let bench = try KESServiceFixture()
        let client = try await bench.connect().client
        for (_, request) in Self.operations {
            try await client.send(request)
            _ = try await client.receive()
        }
        #expect(bench.memory.slotsInUse == 0)
    }

    @Test func withoutMemoryForOneMoreSecretARequestWaits() async throws {
        let bench = try KESServiceFixture(slotCount: 1)
        bench.service.hold()
        let first = try await bench.connect()
        try await first.client.send(post("/v1/key/encrypt/my-key", #"{"plaintext":"QUBD"}"#))
        await bench.service.journal.wait(for: "encrypt")
        #expect(bench.memory.slotsInUse == 1)

        let second = try await bench.connect()
        try await second.client.send(post("/v1/key/encrypt/my-key", #"{"plaintext":"QUBD"}"#))
        bench.service.release()
        #expect(try await first.client.receive().status == 200)
        #expect(try await second.client.receive().status == 200)
        #expect(try await bench.ask(post("/v1/key/encrypt/my-key", #"{"plaintext":"QUBD"}"#)).status == 200)
        #expect(bench.memory.slotsInUse == 0)
    }

    @Test func anAnswerForAClientThatHasGoneLeavesNothing() async throws {
        let bench = try KESServiceFixture()
        bench.service.hold()
        let connection = try await bench.connect()
        try await connection.client.send(post("/v1/key/encrypt/my-key", #"{"plaintext":"QUBD"}"#))
        await bench.service.journal.wait(for: "encrypt")
        connection.client.leave()
        try await connection.waitUntilClosed()
        #expect(!connection.holds("QUBD"))
        #expect(bench.memory.slotsInUse == 1)
        bench.service.release()
        while bench.memory.slotsInUse > 0 { await Task.yield() }
        #expect(try await connection.givesBuffersBack())
    }
}
