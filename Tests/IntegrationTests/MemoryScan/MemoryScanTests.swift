// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// Whatever passes through an agent, nothing of it stays in memory that somebody could read, swap out or dump.
@Suite(.enabled(if: Account.isRoot, "needs root to read the memory of a process that cannot be dumped"))
struct MemoryScanTests {
    private let key = [UInt8].random(32)

    private var keyText: String { "scan-key:\(self.key.base64)" }

    /// Kernels and containers differ in which kind of locked memory they have: both must hold.
    @Test(
        arguments: [
            (Way.socketHTTP11, false, 10_000), (.socketHTTP11, true, 2_000), (.socketHTTP2, false, 600),
            (.tlsHTTP11, false, 600), (.tlsHTTP2, true, 600),
        ])
    func nothingIsLeftOfThousandsOfKeysOn8Connections(way: Way, lacksMemfdSecret: Bool, callCount: Int) throws {
        try self.withAgent {
            $0.lacksMemfdSecret = lacksMemfdSecret
        } body: { agent, connect in
            let workload = try Workload(key: "scan-key", connectionCount: 8) { try connect(way) }
            try workload.run(callCount: callCount)
            #expect(min(workload.generated, workload.decrypted, workload.encrypted) > callCount / 10)
            let scanner = try MemoryScanner(for: [KnownSecret("the static key", self.key)] + workload.secrets)

            try workload.settle()
            try expectNothing(in: agent.agent, scanner, "while connections are open")

            workload.close()
            try agent.waitUntilNobodyIsConnected()
            try expectNothing(in: agent.agent, scanner, "after they have closed")
        }
    }

    @Test(arguments: Way.http11) func nothingIsLeftOfWhatClientsSendAndNeverFinish(way: Way) throws {
        try self.withAgent { agent, connect in
            let requests = BrokenOff.allCases.map { (call: $0, plaintext: [UInt8].random(3000)) }
            let scanner = try MemoryScanner(for: requests.map { KnownSecret("\($0.call)", $0.plaintext) })
            let connections = try requests.map { call, plaintext in
                let connection = try #require(try connect(way) as? RawConnection)
                try call.perform(plaintext, on: connection)
                return connection
            }
            // A body that is still awaited must be somewhere; what is refused or over must not.
            let (waiting, over) = (BrokenOff.allCases.filter(\.isAwaited), BrokenOff.allCases.filter { !$0.isAwaited })
            let copies = try scanner.scan(agent.agent.process.processID).copies
            #expect(Set(copies.map(\.secret)).isSubset(of: waiting.map { "\($0)" }), "\(over) are over: \(copies)")

            for connection in connections { try connection.finishSending() }
            try agent.waitUntilNobodyIsConnected()
            try expectNothing(in: agent.agent, scanner, "after the connections have closed")
        }
    }

    /// By HTTP/2 a client can give a request up, and the connection goes on.
    @Test(arguments: [Way.socketHTTP2, .tlsHTTP2]) func nothingIsLeftOfStreamsThatAreGivenUp(way: Way) throws {
        try self.withAgent { agent, connect in
            let connection = try #require(try connect(way) as? HTTP2Connection)
            let dataKey = try connection.ask(.generate("scan-key"))
            let ciphertext = try #require(dataKey.bytes("ciphertext"))
            var secrets = [KnownSecret("a data key", try #require(dataKey.bytes("plaintext")))]

            // In the middle of its body.
            for index in 0..<20 {
                let plaintext = [UInt8].random(3000)
                secrets.append(KnownSecret("plaintext \(index)", plaintext))
                let body = Array("{\"plaintext\":\"\(plaintext.base64)\"".utf8)
                let stream = try connection.open(HTTPRequest("POST", "/v1/key/encrypt/scan-key"), ends: false)
                try connection.send(body, on: stream, ends: false)
                try connection.reset(stream)
            }
            // In the middle of its answer, which has no room to come.
            try connection.takeAnswers(upTo: 0)
            for _ in 0..<20 {
                let stream = try connection.open(HTTPRequest("POST", "/v1/key/decrypt/scan-key"), ends: false)
                try connection.send(Array("{\"ciphertext\":\"\(ciphertext.base64)\"}".utf8), on: stream, ends: true)
                try connection.waitForHead(on: stream)
                try connection.reset(stream)
            }
            #expect(try connection.ask(HTTPRequest("OPTIONS", "*")).status == 200)
            try expectNothing(in: agent.agent, try MemoryScanner(for: secrets), "while the connection is open")
        }
    }

    /// Starts an agent on the key, with both listeners.
    private func withAgent(
        _ configure: (inout AgentSetup) throws -> Void = { _ in },
        body: (TLSAgent, @escaping (Way) throws -> any HTTPTestConnection) throws -> Void
    ) throws {
        let files = try TLSFiles()
        try files.withAgent {
            $0.environment["MINIO_KMS_SECRET_KEY"] = self.keyText
            $0.environment["KEYSIDE_ADMIN_IDENTITIES"] = files.client.identity
            try configure(&$0)
        } body: { agent in
            try body(agent) { try agent.connect(by: $0, as: files.client) }
        }
    }

    /// A function that is bound when it is first called has all registers written to the stack before, with whatever was
    /// moved through them last, and nobody knows where to wipe it.
    @Test func everyFunctionIsBoundAtTheStart() throws {
        var launch = Launch("/usr/bin/readelf")
        launch.arguments = ["--dynamic", "--wide", try Keyside.binary()]
        let outcome = try launch.run()
        #expect(outcome.output.contains("BIND_NOW"), "\(outcome)")
    }

    enum KeySource: CaseIterable { case variable, keyFile, envFile, configEnvFile }

    /// Each way to the key has its own copies to wipe.
    @Test(arguments: KeySource.allCases)
    func theStaticKeyIsNowhereElse(source: KeySource) throws {
        let folder = try TemporaryDirectory()
        try TestSupport.withAgent { setup in
            setup.environment = [:]
            switch source {
            case .variable:
                setup.environment["MINIO_KMS_SECRET_KEY"] = self.keyText
            case .keyFile:
                setup.environment["MINIO_KMS_SECRET_KEY_FILE"] = try folder.write(self.keyText + "\n", to: "key")
            case .envFile:
                let line = "# the key\nexport MINIO_KMS_SECRET_KEY=\"\(self.keyText)\"\n"
                setup.arguments = ["--env-file", try folder.write(line, to: "env")]
            case .configEnvFile:
                let line = "MINIO_ROOT_USER=a\nMINIO_KMS_SECRET_KEY=\(self.keyText)\n"
                setup.environment["MINIO_CONFIG_ENV_FILE"] = try folder.write(line, to: "env")
            }
        } body: { agent in
            #expect(try agent.ask(.generate("scan-key")).status == 200)
            let scanner = try MemoryScanner(for: [KnownSecret("the static key", self.key)])
            try expectNothing(in: agent, scanner, "after the start")
        }
    }

    @Test func theEnvironmentBlockHasNamesLeftButNoSecretValues() throws {
        let password = [UInt8].random(32).base64
        try TestSupport.withAgent {
            $0.environment = [
                "MINIO_KMS_SECRET_KEY": self.keyText, "MINIO_ROOT_PASSWORD": password, "KEYSIDE_LOG_LEVEL": "debug",
            ]
        } body: { agent in
            let block = try text(of: "/proc/\(agent.process.processID)/environ")
            #expect(block.contains("KEYSIDE_LOG_LEVEL=debug"), "it is the agent's block")
            #expect(!block.contains("scan-key") && !block.contains(self.key.base64.prefix(8)))
            #expect(!block.contains(password), "the block is shared with an object store and its credentials")
        }
    }
}

/// Expects that nothing is found but where the agent says that it has locked memory, and that all else was searched.
func expectNothing(
    in agent: AgentProcess, _ scanner: MemoryScanner, _ when: Comment, sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let scan = try scanner.scan(agent.process.processID)
    #expect(scan.copies.isEmpty, when, sourceLocation: sourceLocation)
    #expect(scan.searchedByteCount > 10 << 20, sourceLocation: sourceLocation)
    // Left out is what the agent says that it has locked, and not a byte more.
    let memory = try agent.ask(.get("/v1/status")).json["keyside"]["memory"]
    #expect(scan.lockedByteCount == memory["locked_bytes"].integer, sourceLocation: sourceLocation)
    let unreadableByteCount = memory["kind"].string == "memfd_secret" ? scan.lockedByteCount : 0
    #expect(scan.unreadableByteCount == unreadableByteCount, sourceLocation: sourceLocation)
}

/// Requests with a plaintext that do not come to a good end.
private enum BrokenOff: CaseIterable {
    case halfABody, halfAChunkedBody, malformedJSON, unknownPath, wrongMethod, tooLong, malformedChunk

    /// Whether the agent has reason to keep what has come.
    var isAwaited: Bool {
        switch self {
        case .halfABody, .halfAChunkedBody: true
        case .malformedJSON, .unknownPath, .wrongMethod, .tooLong, .malformedChunk: false
        }
    }

    /// Sends the request and takes its answer and what follows, if one is due.
    func perform(_ plaintext: [UInt8], on connection: RawConnection) throws {
        let body = "{\"plaintext\":\"\(plaintext.base64)\"}"
        let path = "/v1/key/encrypt/scan-key"
        switch self {
        case .halfABody:
            let head = HTTPRequest("POST", path, fields: ["Content-Length: \(body.utf8.count + 1)"]).head
            return try connection.send([UInt8]((head + body).utf8), inSegments: 3)
        case .halfAChunkedBody:
            let bytes = HTTPRequest("POST", path, body: .chunked(body, by: 1000)).bytes
            return try connection.send(Array(bytes.dropLast(5)), inSegments: 5)
        case .malformedJSON:
            try connection.send(.post(path, body.dropLast() + ",}"))
        case .unknownPath:
            try connection.send(.post("/v1/key/seal/scan-key", body))
        case .wrongMethod:
            try connection.send(HTTPRequest("PATCH", path, body: .fixed(body)))
        case .tooLong:
            try connection.send(.post(path, body + String(repeating: " ", count: 1_000_001 - body.utf8.count)))
        case .malformedChunk:
            let head = HTTPRequest("POST", path, fields: ["Transfer-Encoding: chunked"]).head
            try connection.send("\(head)\(String(body.utf8.count, radix: 16))\r\n\(body)XX")
        }
        let answer = try connection.receiveAnswer()
        #expect(answer.status >= 400)
        // What follows the answer tells that the agent has done with the request.
        if answer.closes {
            try connection.receiveEnd(mayBeReset: connection.isEncrypted)
        } else {
            _ = try connection.ask(HTTPRequest("OPTIONS", "*"))
        }
    }
}
