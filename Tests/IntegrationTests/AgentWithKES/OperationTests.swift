// SPDX-License-Identifier: Apache-2.0

import FakeKES
import KESProtocol
import KeyService
import TestSupport
import Testing

extension AgentWithKESTests {
    /// Every operation of the KES API through the agent, beside the same asked of the server itself.
    @Suite struct OperationTests {
        private static let importedKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

        /// A life of keys: each step's answer depends on those before it.
        private static let story: [HTTPRequest] = [
            HTTPRequest("PUT", "/v1/key/create/new-key"), .post("/v1/key/create/new-key", ""),
            HTTPRequest("PUT", "/v1/key/create/my-key"),
            .post("/v1/key/import/other", "{\"key\":\"\(Self.importedKey)\",\"cipher\":\"AES256\"}"),
            .post("/v1/key/import/other", "{\"key\":\"\(Self.importedKey)\",\"cipher\":\"AES256\"}"),
            .post("/v1/key/import/third", "{\"key\":\"\(Self.importedKey)\",\"cipher\":\"ChaCha20\"}"),
            .post("/v1/key/import/x", "{\"key\":\"\(Self.importedKey)\",\"cipher\":\"DES\"}"),
            .post("/v1/key/import/x", "{\"key\":\"\(Self.importedKey)\"}"),
            .post("/v1/key/import/x", "{\"key\":\"AAEC\",\"cipher\":\"AES256\"}"),
            .post("/v1/key/import/x", "{\"key\":5}"),
            .get("/v1/key/list/"), .get("/v1/key/describe/new-key"), .get("/v1/key/describe/third"),
            HTTPRequest("DELETE", "/v1/key/delete/new-key"), HTTPRequest("DELETE", "/v1/key/delete/new-key"),
            .get("/v1/key/describe/new-key"), .get("/v1/key/list/*"),
        ]

        /// Two servers of the same past: one is asked by the agent, the other directly.
        @Test(arguments: ConnectionFaults.HTTPVersion.allCases, Credentials.Proof.allCases)
        func keysLiveAsTheyDoAtTheServer(version: ConnectionFaults.HTTPVersion, proof: Credentials.Proof) async throws {
            try await withKESAgent {
                $0.environment = $1.environment(proof)
                $0.speak(version)
            } body: { agent, cluster in
                try await withCluster {
                    $0.credentials = cluster.credentials
                } body: { twin in
                    for request in Self.story {
                        let (answer, expected) = (try agent.ask(request), try twin.askDirectly(request, proof))
                        Self.expect(answer, equals: expected, ignoringDates: true, to: request)
                    }
                }
                let connections = cluster.server.snapshot.connections
                #expect(connections.contains { $0.httpVersion == version })
                #expect(Set(connections.map(\.identity)) == [cluster.credentials.identity(of: proof)])
            }
        }

        /// The same server is asked both ways.
        @Test(arguments: ConnectionFaults.HTTPVersion.allCases)
        func whatChangesNothingIsAnsweredAlike(version: ConnectionFaults.HTTPVersion) async throws {
            try await withKESAgent { setup, _ in
                setup.speak(version)
            } body: { agent, cluster in
                try cluster.server.keys.put(try #require(KeyName("chacha")), algorithm: .chaCha20)
                let requests: [HTTPRequest] = [
                    .get("/v1/key/describe/my-key"), .get("/v1/key/describe/chacha"), .get("/v1/key/describe/none"),
                    .get("/v1/key/list/"), .get("/v1/key/list/my-key"), .get("/v1/key/list/z*"),
                    .get("/v1/key/list/a-"), .get("/v1/key/describe/a.b"), .get("/v1/key/describe/%6Dy-key"),
                    .post("/v1/key/hmac/my-key", "{\"message\":\"aGVsbG8=\"}"),
                    .post("/v1/key/hmac/chacha", "{\"message\":\"\"}"),
                    .post("/v1/key/hmac/none", "{\"message\":\"\"}"),
                    .generate("none"), .encrypt("none", plaintext: [1]), .decrypt("none", ciphertext: [1]),
                    .decrypt(ciphertext: []), .decrypt(ciphertext: .random(76)), .post("/v1/key/decrypt/my-key", "{}"),
                    .post("/v1/key/decrypt/my-key", "no"), .post("/v1/key/generate/my-key", "[]"),
                    .post("/v1/key/encrypt/my-key", "{\"plaintext\":1}"), .post("/v1/key/hmac/my-key", ""),
                    HTTPRequest("PATCH", "/v1/key/generate/my-key"), .get("/v1/key/nothing/my-key"),
                ]
                for request in requests {
                    try Self.expect(agent.ask(request), equals: cluster.askDirectly(request), to: request)
                }
            }
        }

        @Test(arguments: ConnectionFaults.HTTPVersion.allCases, [KeyAlgorithm.aes256, .chaCha20])
        func whatOneSideSealsTheOtherOpens(version: ConnectionFaults.HTTPVersion, algorithm: KeyAlgorithm) async throws
        {
            try await withKESAgent { setup, _ in
                setup.speak(version)
            } body: { agent, cluster in
                try cluster.server.keys.put(try #require(KeyName("key")), algorithm: algorithm)
                let askDirectly = { (request: HTTPRequest) in try cluster.askDirectly(request) }
                let contexts: [[UInt8]?] = [nil, [], Array("{\"bucket\":\"b\"}".utf8), .random(10_000)]
                for (index, context) in contexts.enumerated() {
                    let plaintext = [UInt8].random([0, 1, 1000, 70_000][index])
                    for isSealedByTheAgent in [true, false] {
                        let seal = isSealedByTheAgent ? agent.ask : askDirectly
                        let open = isSealedByTheAgent ? askDirectly : agent.ask
                        let dataKey = try seal(.generate("key", context: context))
                        let ciphertext = try #require(dataKey.bytes("ciphertext"))
                        #expect(dataKey.isDataKey)
                        let opened = try open(.decrypt("key", ciphertext: ciphertext, context: context))
                        #expect(opened.text == "{\"plaintext\":\"\(dataKey.bytes("plaintext")?.base64 ?? "")\"}\n")
                        let refused = try open(.decrypt("key", ciphertext: ciphertext, context: [1]))
                        #expect(refused.message == "decryption failed: ciphertext is not authentic")

                        let sealed = try seal(.encrypt("key", plaintext: plaintext, context: context))
                        let other = try #require(sealed.bytes("ciphertext"), "\(sealed.text.prefix(200))")
                        #expect(sealed.text == "{\"ciphertext\":\"\(other.base64)\"}\n")
                        let again = try open(.decrypt("key", ciphertext: other, context: context))
                        #expect(again.bytes("plaintext") == plaintext)
                    }
                }
            }
        }

        /// As much as a message may hold: many frames, and more than one window.
        @Test(arguments: ConnectionFaults.HTTPVersion.allCases)
        func theLargestPlaintextComesBack(version: ConnectionFaults.HTTPVersion) async throws {
            try await withKESAgent { setup, _ in
                setup.speak(version)
            } body: { agent, _ in
                let plaintext = [UInt8].random(749_000)
                let sealed = try agent.ask(.encrypt(plaintext: plaintext))
                let ciphertext = try #require(sealed.bytes("ciphertext"), "\(sealed.text.prefix(200))")
                let opened = try agent.ask(.decrypt(ciphertext: ciphertext))
                #expect(opened.bytes("plaintext") == plaintext, "\(opened.status)")
            }
        }

        /// A long listing comes in pages, which the server cuts.
        @Test func listingsContinueWhereTheServerSaysSo() async throws {
            try await withCluster {
                $0.listingPageSize = 3
            } body: { cluster in
                for name in ["a1", "a2", "a3", "a4", "b1"] { try cluster.server.keys.put(try #require(KeyName(name))) }
                var setup = AgentSetup()
                setup.environment = cluster.environment()
                let agent = try AgentProcess(setup)
                for prefix in ["", "a", "a4", "b", "c"] {
                    let request = HTTPRequest.get("/v1/key/list/\(prefix)")
                    try Self.expect(agent.ask(request), equals: cluster.askDirectly(request), to: request)
                }
                #expect(try agent.ask(.get("/v1/key/list/")).json["continue_at"].string == "a4")
            }
        }

        /// Statuses and texts tell KES's clients what happened, and so are a contract.
        private static func expect(
            _ answer: HTTPAnswer, equals expected: HTTPAnswer, ignoringDates: Bool = false, to request: HTTPRequest,
            sourceLocation: SourceLocation = #_sourceLocation
        ) {
            let comment: Comment = "\(request.testDescription)"
            #expect(answer.status == expected.status, comment, sourceLocation: sourceLocation)
            #expect(answer["Content-Type"] == expected["Content-Type"], comment, sourceLocation: sourceLocation)
            let dates = ignoringDates ? /"created_at":"[^"]*"/ : /$^/
            #expect(
                answer.text.replacing(dates, with: "") == expected.text.replacing(dates, with: ""), comment,
                sourceLocation: sourceLocation)
        }
    }
}
