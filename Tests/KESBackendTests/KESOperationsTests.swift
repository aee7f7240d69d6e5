// SPDX-License-Identifier: Apache-2.0

import ClusterTestSupport
import KESProtocol
import KeyService
import LockedMemory
import TestSupport
import Testing

@testable import Cluster
@testable import KESBackend

/// What each operation says on the wire, and what it makes of the answer.
@Suite struct KESOperationsTests {
    private static let aKey = String(repeating: "A", count: 43) + "="
    private static let zeros = [UInt8](repeating: 0, count: 32)

    /// A bench whose one server gives one answer.
    private static func bench(_ body: String) throws -> KESServiceFixture {
        try KESServiceFixture { _ in .answer(200, body) }
    }

    private static func expect(
        _ bench: KESServiceFixture, _ method: String, _ path: String, _ body: String,
        isRepeatable: Bool = true, _ location: SourceLocation = #_sourceLocation
    ) {
        let asks = bench.transport.asks.entries
        #expect(asks.map(\.method) == [method], sourceLocation: location)
        #expect(asks.map(\.path) == [path], sourceLocation: location)
        #expect(asks.map(\.body) == [body], sourceLocation: location)
        #expect(asks.map(\.contentType) == ["application/json"], sourceLocation: location)
        #expect(asks.map(\.isRepeatable) == [isRepeatable], sourceLocation: location)
        #expect(asks.map(\.deadline) == [bench.clock.start + .seconds(10)], sourceLocation: location)
    }

    @Test func generate() async throws {
        let bench = try Self.bench(#"{"plaintext":"\#(Self.aKey)","ciphertext":"AQID"}"#)
        let dataKey = try await bench.service.generateKey(bench.name, associatedData: AssociatedData([4]))
        #expect(dataKey.plaintext.array == Self.zeros)
        #expect(dataKey.ciphertext.bytes == [1, 2, 3])
        Self.expect(bench, "POST", "/v1/key/generate/my-key", #"{"context":"BA=="}"#)
    }

    @Test("a data key without context is asked for with an empty object, never with an empty body")
    func generateWithoutContext() async throws {
        let bench = try Self.bench(#"{"plaintext":"\#(Self.aKey)","ciphertext":"AQID"}"#)
        _ = try await bench.service.generateKey(bench.name, associatedData: AssociatedData())
        Self.expect(bench, "POST", "/v1/key/generate/my-key", "{}")
    }

    @Test func decrypt() async throws {
        let bench = try Self.bench(#"{"plaintext":"a2V5"}"#)
        #expect(try await bench.decrypt() == Array("key".utf8))
        Self.expect(bench, "POST", "/v1/key/decrypt/my-key", #"{"ciphertext":"AQID","context":"BA=="}"#)
    }

    @Test func encrypt() async throws {
        let bench = try Self.bench(#"{"ciphertext":"AQID"}"#)
        let plaintext = try Secret(Array("key".utf8), in: SharedMemory.secrets)
        let ciphertext = try await bench.service.encrypt(
            bench.name, plaintext: plaintext, associatedData: AssociatedData())
        #expect(ciphertext.bytes == [1, 2, 3])
        Self.expect(bench, "POST", "/v1/key/encrypt/my-key", #"{"plaintext":"a2V5"}"#)
    }

    @Test func hmac() async throws {
        let bench = try Self.bench(#"{"hmac":"\#(Self.aKey)"}"#)
        let code = try await bench.service.hmac(bench.name, message: Array("key".utf8))
        #expect(code.array == Self.zeros)
        Self.expect(bench, "POST", "/v1/key/hmac/my-key", #"{"message":"a2V5"}"#)
    }

    @Test func create() async throws {
        let bench = try Self.bench("")
        try await bench.service.createKey(bench.name)
        Self.expect(bench, "POST", "/v1/key/create/my-key", "", isRepeatable: false)
    }

    @Test func importing() async throws {
        let bench = try Self.bench("")
        let key = try Secret(Self.zeros, in: SharedMemory.secrets)
        try await bench.service.importKey(bench.name, key: key, algorithm: .chaCha20)
        Self.expect(
            bench, "POST", "/v1/key/import/my-key", #"{"key":"\#(Self.aKey)","cipher":"ChaCha20"}"#,
            isRepeatable: false)
    }

    @Test func describe() async throws {
        let bench = try Self.bench(#"{"name":"my-key","algorithm":"AES256","created_at":"t","created_by":"me"}"#)
        #expect(
            try await bench.service.describeKey(bench.name)
                == KeyDescription(name: bench.name, algorithm: .aes256, createdAt: "t", createdBy: "me"))
        Self.expect(bench, "GET", "/v1/key/describe/my-key", "")
    }

    @Test func list() async throws {
        let bench = try Self.bench(#"{"names":["my-key"],"continue_at":"n"}"#)
        #expect(
            try await bench.service.listKeys(KeyListingRequest(prefix: "m"))
                == KeyListing(names: [bench.name], continueAt: "n"))
        Self.expect(bench, "GET", "/v1/key/list/m", "")
    }

    @Test("where a listing continues is asked for as a prefix: KES knows nothing else")
    func listFurther() async throws {
        let bench = try Self.bench(#"{"names":null}"#)
        let listing = try await bench.service.listKeys(KeyListingRequest(prefix: "m", continueAt: "my-key"))
        #expect(listing == KeyListing(names: []))
        Self.expect(bench, "GET", "/v1/key/list/my-key", "")
    }

    @Test func delete() async throws {
        let bench = try Self.bench("")
        try await bench.service.deleteKey(bench.name)
        Self.expect(bench, "DELETE", "/v1/key/delete/my-key", "", isRepeatable: false)
    }

    @Test func version() async throws {
        let bench = try Self.bench(#"{"version":"2025","commit":"c"}"#)
        #expect(try await bench.service.version() == "2025")
        Self.expect(bench, "GET", "/version", "")
    }

    @Test("an endpoint that is named twice is one")
    func duplicates() throws {
        let bench = try KESServiceFixture(["a", "b", "a"]) { _ in .ok }
        #expect(bench.service.cluster.addresses == ["a", "b"])
    }
}
