// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// Everything that clients do to an agent with secrets in it, on many connections at once, and all the secrets.
///
/// All connections have requests in work at a time: each is sent its turn, then the answers are taken.
final class Workload {
    /// What the agent has its keys from.
    enum Backend {
        case staticKey
        /// Servers that fail now and then: seldom so many at a time that a call fails too.
        case keyServers
    }

    private(set) var secrets: [KnownSecret] = []
    private(set) var generated = 0
    private(set) var decrypted = 0
    private(set) var encrypted = 0
    /// Calls that key servers failed to answer.
    private(set) var failed = 0

    private let key: String
    private let backend: Backend
    private var importCount = 0
    private let connect: () throws -> any HTTPTestConnection
    private var connections: [any HTTPTestConnection]
    /// Data keys to decrypt again, the last ones made.
    private var dataKeys: [DataKey] = []
    private let context = Array("{\"bucket\":\"bucket/object\"}".utf8)

    private struct DataKey {
        let plaintext: [UInt8]
        let ciphertext: [UInt8]
    }

    /// A request and what is to become of it.
    private enum Call {
        case generate
        case decrypt(DataKey)
        case decryptWithWrongContext(DataKey)
        /// Of so many bytes.
        case encrypt(Int)
        /// In a body that is malformed behind its plaintext.
        case encryptBadly
        case importKey
    }

    /// How its bytes are sent.
    private enum Manner {
        case whole, chunked(by: Int), inSegments(Int)
    }

    /// - Parameter connect: makes a connection.
    init(
        key: String, backend: Backend = .staticKey, connectionCount: Int,
        connect: @escaping () throws -> any HTTPTestConnection
    ) throws {
        self.key = key
        self.backend = backend
        self.connect = connect
        self.connections = try (0..<connectionCount).map { _ in try connect() }
    }

    func run(callCount: Int) throws {
        var turn = 0
        while self.generated + self.decrypted + self.encrypted < callCount {
            let calls = self.connections.indices.map { self.calls(turn: turn + $0) }
            for (connection, calls) in zip(self.connections, calls) {
                try self.send(calls, on: connection, in: self.manner(turn: turn))
            }
            for (connection, calls) in zip(self.connections, calls) {
                for call in calls { try self.receive(call, on: connection) }
            }
            turn += 1
        }
    }

    /// Has a last request without a secret answered on each connection: what came before is then out of the agent's
    /// hands. The answer is shorter than any that it could hide.
    func settle() throws {
        for connection in self.connections {
            let answer = try connection.ask(HTTPRequest("OPTIONS", "*"))
            #expect(answer.status == 200 && answer.body.isEmpty)
        }
    }

    func close() { self.connections = [] }

    /// Takes new connections in place of all there are.
    func reconnect() throws { self.connections = try self.connections.map { _ in try self.connect() } }

    /// Several calls are sent one behind the other.
    private func calls(turn: Int) -> [Call] {
        guard let dataKey = self.dataKeys.randomElement() else { return [.generate] }
        switch turn % 16 {
        case 0, 5, 10: return [.generate]
        case 1, 6, 11: return [.decrypt(dataKey)]
        case 2: return [.encrypt(32)]
        case 3: return [.generate, .decrypt(dataKey), .encrypt(48), .generate, .decrypt(dataKey)]
        case 4: return [.decryptWithWrongContext(dataKey)]
        case 7: return [.encrypt(turn % 320 == 7 ? 100_000 : 1000)]
        case 8: return [.importKey]
        case 9: return [.encrypt(16), .encryptBadly, .decrypt(dataKey)]
        case _: return [.generate, .decrypt(dataKey)]
        }
    }

    private func manner(turn: Int) -> Manner {
        switch turn % 7 {
        case 1: .chunked(by: .max)
        case 3: .chunked(by: 17)
        case 4: .inSegments(3)
        case 6: .chunked(by: 100)
        case _: .whole
        }
    }

    private func send(_ calls: [Call], on connection: any HTTPTestConnection, in manner: Manner) throws {
        let requests = calls.map { self.request(for: $0) }
        switch manner {
        case .whole: try connection.send(requests)
        case .chunked(let count): try connection.send(requests.map { $0.chunked(by: count) })
        case .inSegments(let count):
            if let connection = connection as? RawConnection {
                try connection.send(requests.flatMap(\.bytes), inSegments: count)
            } else {
                try connection.send(requests.map { $0.chunked(by: 64) })  // Frames are its segments.
            }
        }
    }

    private func request(for call: Call) -> HTTPRequest {
        switch call {
        case .generate:
            return .generate(self.key, context: self.context)
        case .decrypt(let dataKey):
            return .decrypt(self.key, ciphertext: dataKey.ciphertext, context: self.context)
        case .decryptWithWrongContext(let dataKey):
            return .decrypt(self.key, ciphertext: dataKey.ciphertext)
        case .encrypt(let byteCount):
            return .encrypt(
                self.key, plaintext: self.newSecret("plaintext to encrypt", byteCount), context: self.context)
        case .encryptBadly:
            let plaintext = self.newSecret("plaintext in bad JSON", 64).base64
            return .post("/v1/key/encrypt/\(self.key)", "{\"plaintext\":\"\(plaintext)\",\"context\":5}")
        case .importKey:
            // A client may escape what needs no escape.
            let key = self.newSecret("key to import", 32).base64.split(separator: "/", omittingEmptySubsequences: false)
            self.importCount += 1
            return .post(
                "/v1/key/import/new-\(self.importCount)",
                "{\"key\":\"\(key.joined(separator: "\\/"))\",\"cipher\":\"AES256\"}")
        }
    }

    private func newSecret(_ name: String, _ byteCount: Int) -> [UInt8] {
        let bytes = [UInt8].random(byteCount)
        self.secrets.append(KnownSecret("\(name) \(self.secrets.count)", bytes))
        return bytes
    }

    private func receive(_ call: Call, on connection: any HTTPTestConnection) throws {
        let answer = try connection.receiveAnswer()
        if self.backend == .keyServers, [500, 502, 503, 504].contains(answer.status) {
            self.failed += 1
            return
        }
        switch call {
        case .generate:
            let plaintext = try #require(answer.bytes("plaintext"), "\(answer.status) \(answer.text)")
            self.secrets.append(KnownSecret("data key \(self.secrets.count)", plaintext))
            let dataKey = DataKey(plaintext: plaintext, ciphertext: try #require(answer.bytes("ciphertext")))
            if self.dataKeys.count < 64 {
                self.dataKeys.append(dataKey)
            } else {
                self.dataKeys[self.generated % 64] = dataKey
            }
            self.generated += 1
        case .decrypt(let dataKey):
            #expect(answer.bytes("plaintext") == dataKey.plaintext)
            self.decrypted += 1
        case .decryptWithWrongContext:
            #expect(answer.message == "decryption failed: ciphertext is not authentic")
            self.decrypted += 1
        case .encrypt:
            switch self.backend {
            case .staticKey: #expect(answer.status == 501, "a static key only opens")
            case .keyServers: #expect(answer.bytes("ciphertext") != nil, "\(answer.status) \(answer.text)")
            }
            self.encrypted += 1
        case .encryptBadly:
            #expect(answer.message == "invalid request body")
            self.encrypted += 1
        case .importKey:
            switch self.backend {
            case .staticKey: #expect(answer.status == 501)
            case .keyServers: #expect(answer.status == 200, "\(answer.text)")
            }
        }
    }
}
