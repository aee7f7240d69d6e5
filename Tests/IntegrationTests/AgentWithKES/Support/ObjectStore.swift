// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// What an object store does with its key server, operation by operation: the calls are those that were seen of one, for
/// objects with checksums.
final class ObjectStore {
    private struct Object {
        let context: String
        let ciphertext: String
        let plaintext: [UInt8]
    }

    let client: StoreClient
    private let key: String
    private var objects: [String: Object] = [:]
    /// How many data keys it asked for.
    private(set) var generateCount = 0

    init(_ client: StoreClient, key: String) {
        self.client = client
        self.key = key
    }

    var objectCount: Int { self.objects.count }

    /// Sees whether there is its key, and makes it if not. Then its own settings are written.
    func start() throws {
        let answer = try self.generate(context: "{}")
        if answer.status == 404 {
            #expect(answer.message == "key does not exist")
            let made = try self.client.post("/v1/key/create/\(self.key)")
            #expect(made.status == 200 && made.body.isEmpty, "\(made.text)")
        } else {
            #expect(answer.isDataKey, "\(answer.text)")
        }
        for path in ["config/config.json", "config/iam/format.json"] { try self.put(".minio.sys", path) }
    }

    /// - Parameter origins: where the answers may come from to what is read of it at once.
    func put(_ bucket: String, _ name: String, reading origins: Set<String> = ["hit"]) throws {
        let context = "{\"\(bucket)\":\"\(bucket)/\(name)\"}"
        let answer = try self.generate(context: context)
        #expect(answer.isDataKey, "\(answer.status) \(answer.text)")
        self.objects["\(bucket)/\(name)"] = Object(
            context: context, ciphertext: try #require(answer.json["ciphertext"].string),
            plaintext: try #require(answer.bytes("plaintext")))
        try self.decrypt("\(bucket)/\(name)", times: 2, from: origins)
    }

    /// Each reader of an object's metadata asks for the same again.
    func get(_ bucket: String, _ name: String, from origins: Set<String>) throws {
        try self.decrypt("\(bucket)/\(name)", times: 5, from: origins)
    }

    /// All objects, one after the other.
    ///
    /// - Returns: where answers came from.
    @discardableResult
    func list(from origins: Set<String>) throws -> Set<String> {
        try self.objects.keys.sorted()
            .reduce(into: []) { $0.formUnion(try self.decrypt($1, times: 2, from: origins)) }
    }

    /// What is done every ten seconds, and what an orchestrator asks for.
    ///
    /// - Returns: statuses of the key's description, of the server's status, and of the test of readiness.
    func tick() throws -> [Int] {
        let described = try self.client.get("/v1/key/describe/\(self.key)")
        if described.status == 200 { #expect(described.json["name"].string == self.key) }
        return [
            described.status, try self.client.get("/v1/status").status,
            try self.generate(context: "{\"healthcheck\":\"\"}").status,
        ]
    }

    func listKeys() throws -> HTTPAnswer { try self.client.get("/v1/key/list/\(self.key.prefix(5))*") }

    /// - Parameter context: JSON, which nobody reads.
    func generate(context: String) throws -> HTTPAnswer {
        self.generateCount += 1
        return try self.client.post(
            "/v1/key/generate/\(self.key)", "{\"context\":\"\(Array(context.utf8).base64)\"}")
    }

    /// - Parameter origins: where the answers may come from.
    @discardableResult
    private func decrypt(_ name: String, times count: Int, from origins: Set<String>) throws -> Set<String> {
        let object = try #require(self.objects[name])
        var seen: Set<String> = []
        for _ in 0..<count {
            let answer = try self.client.post(
                "/v1/key/decrypt/\(self.key)",
                "{\"ciphertext\":\"\(object.ciphertext)\",\"context\":\"\(Array(object.context.utf8).base64)\"}")
            #expect(answer.text == "{\"plaintext\":\"\(object.plaintext.base64)\"}\n", "\(name): \(answer.status)")
            seen.insert(answer.origin ?? "none")
        }
        #expect(seen.isSubset(of: origins), "\(name)")
        return seen
    }
}
