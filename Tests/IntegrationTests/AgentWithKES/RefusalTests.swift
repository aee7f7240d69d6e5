// SPDX-License-Identifier: Apache-2.0

import FakeKES
import KESProtocol
import KeyService
import TestSupport
import Testing

extension AgentWithKESTests {
    /// What a server refuses, and what it says where it should have answered.
    @Suite struct RefusalTests {
        struct Failure: Sendable, CustomTestStringConvertible {
            let status: Int
            let message: String
            let requests: [HTTPRequest]
            /// What clients are told, if not the same.
            var told: String?

            var testDescription: String { "\(self.status) \(self.message)" }
        }

        private static let generate = HTTPRequest.generate()
        private static let decrypt = HTTPRequest.decrypt(ciphertext: [1])
        private static let encrypt = HTTPRequest.encrypt(plaintext: [1])
        private static let hmac = HTTPRequest.post("/v1/key/hmac/my-key", "{\"message\":\"\"}")
        private static let describe = HTTPRequest.get("/v1/key/describe/my-key")
        private static let list = HTTPRequest.get("/v1/key/list/")
        private static let create = HTTPRequest("PUT", "/v1/key/create/new-key")
        private static let importKey = HTTPRequest.post(
            "/v1/key/import/new-key", "{\"key\":\"\([UInt8](repeating: 1, count: 32).base64)\",\"cipher\":\"AES256\"}")
        private static let delete = HTTPRequest("DELETE", "/v1/key/delete/my-key")

        private static let reading = [Self.generate, Self.decrypt, Self.encrypt, Self.hmac, Self.describe]
        private static let all = Self.reading + [Self.list, Self.create, Self.importKey, Self.delete]

        static let failures = [
            Failure(status: 400, message: "key already exists", requests: [Self.create, Self.importKey]),
            Failure(status: 404, message: "key does not exist", requests: Self.reading + [Self.delete]),
            Failure(status: 400, message: "decryption failed: ciphertext is not authentic", requests: [Self.decrypt]),
            Failure(status: 403, message: "not authorized: insufficient permissions", requests: Self.all),
            Failure(status: 409, message: "key does not support HMAC", requests: [Self.hmac]),
            Failure(
                status: 500, message: "failed to generate encryption key", requests: [Self.create, Self.generate]),
            Failure(status: 500, message: "failed to encrypt plaintext", requests: [Self.encrypt]),
            Failure(status: 500, message: "failed to decrypt ciphertext", requests: [Self.decrypt]),
            Failure(status: 500, message: "failed to create key", requests: [Self.importKey]),
            Failure(status: 502, message: "failed to create key", requests: [Self.create, Self.importKey]),
            Failure(status: 502, message: "failed to read key", requests: Self.reading),
            Failure(status: 502, message: "failed to list keys", requests: [Self.list]),
            Failure(status: 502, message: "failed to delete key", requests: [Self.delete]),
            // What older servers say, in today's words.
            Failure(
                status: 400, message: "key does already exist", requests: [Self.create], told: "key already exists"),
            Failure(
                status: 403, message: "prohibited by policy", requests: [Self.generate],
                told: "not authorized: insufficient permissions"),
            // What proxies and other front ends say.
            Failure(
                status: 502, message: "<html>Bad Gateway</html>", requests: [Self.decrypt], told: "failed to read key"),
            Failure(
                status: 503, message: "busy", requests: [Self.decrypt, Self.create],
                told: "too many requests in progress"
            ),
        ]

        @Test(arguments: Self.failures)
        func failuresPassThrough(failure: Failure) async throws {
            try await withKESAgent { agent, cluster in
                cluster.server.faults.set(.status(failure.status, message: failure.message), on: .onKeys)
                let connection = try agent.connect()
                for request in failure.requests {
                    let answer = try connection.ask(request)
                    expect(
                        answer, refuses: failure.status, failure.told ?? failure.message,
                        "\(request.testDescription)")
                }
                try expectNextAnswer(on: connection)
            }
        }

        @Test func rightsAreTheServersToGive() async throws {
            try await withKESAgent { agent, cluster in
                let identity = cluster.credentials.apiKey.identity
                cluster.server.access[identity] = .objectStore(keys: "my-")
                #expect(try agent.ask(.generate()).isDataKey)
                for request in [HTTPRequest.generate("other"), Self.encrypt, Self.delete] {
                    expect(try agent.ask(request), refuses: 403, "not authorized: insufficient permissions")
                }
                cluster.server.access[identity] = nil
                expect(try agent.ask(.generate()), refuses: 403, "not authorized: insufficient permissions")
                #expect(try agent.ask(.get("/v1/ready")).status == 200, "a server that refuses is there")
            }
        }

        static let unusable: [(Fault, HTTPRequest, String)] = [
            (.missing(member: "plaintext"), Self.generate, "failed to generate encryption key"),
            (.missing(member: "ciphertext"), Self.generate, "failed to generate encryption key"),
            (.missing(member: "ciphertext"), Self.encrypt, "failed to encrypt plaintext"),
            (.missing(member: "hmac"), Self.hmac, "internal server error"),
            (.missing(member: "created_at"), Self.describe, "internal server error"),
            (.body("{\"plaintext\":5,\"ciphertext\":\"\"}"), Self.generate, "failed to generate encryption key"),
            (
                .body("{\"plaintext\":\"AAAA\",\"ciphertext\":\"AAAA\"}"), Self.generate,
                "failed to generate encryption key"
            ),
            (.body("{\"hmac\":\"AAAA\"}"), Self.hmac, "internal server error"),
            (.body("<html>welcome</html>"), Self.describe, "internal server error"),
            (.body("{\"names\":\"my-key\"}"), Self.list, "internal server error"),
            (.body("{\"plaintext\":{}}"), Self.decrypt, "failed to decrypt ciphertext"),
            (.body(""), Self.encrypt, "failed to encrypt plaintext"),
            (.body("{}"), Self.create, "failed to generate encryption key"),
            (.larger(byByteCount: 2 << 20), Self.generate, "failed to generate encryption key"),
            (.larger(byByteCount: 2 << 20), Self.list, "internal server error"),
            (.status(200, message: "fine"), Self.encrypt, "failed to encrypt plaintext"),
            (.status(302, message: "elsewhere"), Self.generate, "failed to generate encryption key"),
            (.status(204, message: ""), Self.generate, "failed to generate encryption key"),
        ]

        /// What is no answer must not become one, nor take the server out of service for what it does well.
        @Test(arguments: Self.unusable)
        func whatIsNoAnswerIsNotPassedOn(fault: Fault, request: HTTPRequest, message: String) async throws {
            try await withKESAgent { setup, _ in
                setup.turnOffCache()
            } body: { agent, cluster in
                cluster.server.faults.set(fault, on: .onKeys)
                var request = request
                if message == "failed to decrypt ciphertext" {
                    cluster.server.faults.clear()
                    let ciphertext = try #require(agent.ask(.generate()).bytes("ciphertext"))
                    request = .decrypt(ciphertext: ciphertext)
                    cluster.server.faults.set(fault, on: .onKeys)
                }
                expect(try agent.ask(request), refuses: 500, message)
                #expect(try agent.log.contains("unexpected response; not a KES server?"))
                cluster.server.faults.clear()
                try expectService(by: agent)
            }
        }

        /// The name that an answer goes under is not looked at, as in KES's own client.
        @Test func theTypeOfAnAnswerIsWhatIsInIt() async throws {
            try await withKESAgent { agent, cluster in
                cluster.server.faults.set(.contentType("text/plain"), on: .onKeys)
                try expectService(by: agent)
            }
        }
    }
}

extension Set<Operation> {
    /// All but what agents probe servers with.
    static var onKeys: Self { Set(Operation.allCases.filter(\.takesName)) }
}
