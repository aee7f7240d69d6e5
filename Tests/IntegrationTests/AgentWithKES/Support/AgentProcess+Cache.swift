// SPDX-License-Identifier: Apache-2.0

import FakeKES
import TestSupport
import Testing

extension AgentSetup {
    /// For how long data keys answer; what is left out stays as it is.
    mutating func expire(any: String? = nil, unused: String? = nil, offline: String? = nil) {
        for (name, value) in [("ANY", any), ("UNUSED", unused), ("OFFLINE", offline)] {
            if let value { self.environment["KEYSIDE_CACHE_EXPIRY_\(name)"] = value }
        }
    }

    /// Has every request go to the key servers.
    mutating func turnOffCache() { self.expire(any: "0") }
}

/// A plaintext with what it is sealed in.
struct EncryptedDataKey: Sendable {
    let name: String
    let plaintext: [UInt8]
    let ciphertext: [UInt8]
    let context: [UInt8]?

    /// The request for the plaintext.
    var decrypt: HTTPRequest { .decrypt(self.name, ciphertext: self.ciphertext, context: self.context) }
}

extension AgentProcess {
    /// What it tells of its cache. Asking disturbs no server, and uses no entry.
    var cache: JSONValue { get throws { try self.ask(.get("/v1/keyside/cache")).json } }

    /// - Parameter name: nil for all.
    /// - Returns: how many data keys it says there were.
    func purgeCache(of name: String? = nil) throws -> Int? {
        let answer = try self.ask(HTTPRequest("DELETE", "/v1/keyside/cache" + (name.map { "/\($0)" } ?? "")))
        #expect(answer.status == 200, "\(answer.text)")
        return answer.json["purged"].integer
    }

    /// Has a data key made, which the cache then has.
    func makeDataKey(_ name: String = "my-key", context: [UInt8]? = nil) throws -> EncryptedDataKey {
        try self.makeDataKeys(1, name, context: context)[0]
    }

    /// Has data keys made, many at a time.
    func makeDataKeys(_ count: Int, _ name: String = "my-key", context: [UInt8]? = nil) throws -> [EncryptedDataKey] {
        let connections = try (0..<min(8, count)).map { _ in try self.connect() }
        var keys: [EncryptedDataKey] = []
        keys.reserveCapacity(count)
        while keys.count < count {
            let turn = min(count - keys.count, 32 * connections.count)
            let request = HTTPRequest.generate(name, context: context)
            for index in 0..<turn { try connections[index % connections.count].send(request) }
            for index in 0..<turn {
                let answer = try connections[index % connections.count].receiveAnswer()
                keys.append(
                    EncryptedDataKey(
                        name: name, plaintext: try #require(answer.bytes("plaintext"), "\(answer.text)"),
                        ciphertext: try #require(answer.bytes("ciphertext")), context: context))
            }
        }
        return keys
    }

    /// Has a plaintext sealed, which the cache does not keep.
    func seal(_ plaintext: [UInt8], with name: String = "my-key") throws -> EncryptedDataKey {
        let answer = try self.ask(.encrypt(name, plaintext: plaintext))
        return EncryptedDataKey(
            name: name, plaintext: plaintext, ciphertext: try #require(answer.bytes("ciphertext"), "\(answer.text)"),
            context: nil)
    }

    /// Asks until it is told that no key server can be reached, and takes nothing but data keys until then.
    func waitForTheEnd(of key: EncryptedDataKey) throws {
        try self.wait(for: "the cache not to answer") {
            let answer = try self.ask(key.decrypt)
            guard answer.status == 502 else {
                expect(answer, opens: key, from: "hit")
                return false
            }
            return true
        }
    }
}

extension HTTPAnswer {
    /// Where it says that it comes from.
    var origin: String? { self["X-Keyside-Cache"] }

    var age: Int? { self["Age"].flatMap { Int($0) } }
}

/// Expects the plaintext and nothing else, from where it is to come.
func expect(
    _ answer: HTTPAnswer, opens key: EncryptedDataKey, from origin: String, _ comment: Comment? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(answer.status == 200, comment ?? "\(answer.text)", sourceLocation: sourceLocation)
    #expect(answer.text == "{\"plaintext\":\"\(key.plaintext.base64)\"}\n", comment, sourceLocation: sourceLocation)
    #expect(answer.origin == origin, comment, sourceLocation: sourceLocation)
}
