// SPDX-License-Identifier: Apache-2.0

import FakeKES
import KESProtocol
import KeyService
import TestSupport
import Testing

extension AgentWithKESTests {
    /// What KES's clients count on and a static key cannot show, whichever way they come.
    @Suite struct ConformanceTests {
        private static func withAgent(
            _ way: Way, body: (any HTTPTestConnection, KESCluster) async throws -> Void
        ) async throws {
            let files = try TLSFiles()
            try await withKESAgent { setup, _ in
                setup.arguments = files.arguments()
            } body: { agent, cluster in
                let listener = try TLSAgent(agent, trusting: files.authority.certificate)
                try await body(try listener.connect(by: way, as: files.client), cluster)
            }
        }

        @Test(arguments: Way.allCases) func listingsAreThoseOfThePrefix(way: Way) async throws {
            try await Self.withAgent(way) { connection, cluster in
                let names = (10..<20).flatMap { ["a-\($0)", "b\($0)"] }.sorted()
                for name in names { try cluster.server.keys.put(try #require(KeyName(name))) }
                let all = names + ["my-key"]
                let beginning = names.filter { $0.hasPrefix("a") }
                for (prefix, expected) in [
                    ("", all), ("*", all), ("a", beginning), ("a*", beginning), ("a-1", beginning), ("zzz", []),
                ] {
                    let answer = try connection.ask(.get("/v1/key/list/\(prefix)"))
                    #expect(answer.json == .object(["names": .array(expected.map { .string($0) })]), "\(prefix)")
                }
                for pattern in ["a-", "a*b"] {
                    expect(
                        try connection.ask(.get("/v1/key/list/\(pattern)")), refuses: 400,
                        "listing pattern '\(pattern)' is empty, too long or is invalid")
                }
            }
        }

        /// Another key under the same name is another key.
        @Test(arguments: Way.allCases) func aKeyThatIsMadeAgainOpensNothing(way: Way) async throws {
            try await Self.withAgent(way) { connection, _ in
                let create = HTTPRequest("POST", "/v1/key/create/new-key")
                #expect(try connection.ask(create).status == 200)
                let dataKey = try connection.ask(.generate("new-key"))
                let ciphertext = try #require(dataKey.bytes("ciphertext"))
                let decrypt = HTTPRequest.decrypt("new-key", ciphertext: ciphertext)
                #expect(try connection.ask(decrypt).bytes("plaintext") == dataKey.bytes("plaintext"))

                #expect(try connection.ask(HTTPRequest("DELETE", "/v1/key/delete/new-key")).status == 200)
                expect(try connection.ask(decrypt), refuses: 404, "key does not exist")
                #expect(try connection.ask(create).status == 200)
                expect(try connection.ask(decrypt), refuses: 400, "decryption failed: ciphertext is not authentic")
                expect(try connection.ask(create), refuses: 400, "key already exists")
            }
        }

        /// A permission that is gone is gone for the next request, on whatever connection.
        @Test(arguments: Way.allCases) func aPermissionThatIsWithdrawnEndsBetweenTwoRequests(way: Way) async throws {
            try await Self.withAgent(way) { connection, cluster in
                let dataKey = try connection.ask(.generate())
                let kept = try #require(dataKey.bytes("ciphertext"))
                let sealed = try #require(try connection.ask(.encrypt(plaintext: [1])).bytes("ciphertext"))
                #expect(try connection.ask(.decrypt(ciphertext: kept)).status == 200)

                cluster.server.access[cluster.credentials.apiKey.identity] = nil
                let message = "not authorized: insufficient permissions"
                expect(try connection.ask(.generate()), refuses: 403, message)
                expect(try connection.ask(.decrypt(ciphertext: sealed)), refuses: 403, message)
                expect(try connection.ask(.decrypt(ciphertext: kept)), refuses: 403, message, "nor from the cache")
            }
        }
    }
}
