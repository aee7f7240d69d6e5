// SPDX-License-Identifier: Apache-2.0

import FakeKES
import KESProtocol
import KeyService
import TestSupport
import Testing

/// Every fault, as another client sees it.
struct FaultTests {
    /// curl's exit statuses, for HTTP/1.1 and HTTP/2.
    static let broken: [(Fault, Set<Int32>, Set<Int32>)] = [
        (.reset(.before), [55, 56], [55, 56]),
        (.reset(.inside), [18, 56], [55, 56, 92]),
        (.truncated, [18], [18, 92]),
        (.garbage, [1, 52, 56], [16, 52, 56, 92]),
        (.refused, [52], [56]),
    ]

    @Test("An answer that breaks", arguments: Self.broken)
    func breaks(_ fault: Fault, _ http11: Set<Int32>, _ http2: Set<Int32>) async throws {
        try await withServer { server in
            server.faults.set(fault)
            for (version, expected) in [(CurlCommand.HTTPVersion.http11, http11), (.http2, http2)] {
                let outcome = try Client(server, version).generate()
                #expect(expected.map(ExitStatus.exited).contains(outcome.exitStatus), "\(version): \(outcome)")
            }
            #expect(server.requestCount(.generateKey) >= 2)
            server.faults.clear()
            #expect(try Client(server).generate().answers.first?.status == 200)
        }
    }

    static let strange: [(Fault, @Sendable (HTTPAnswer) -> Bool)] = [
        (.status(503, message: "busy"), { $0.message == "busy" && $0.status == 503 && $0["Retry-After"] == "1" }),
        (.status(429, message: "busy"), { $0.message == "busy" && $0.status == 429 && $0["Retry-After"] == "1" }),
        (.status(502, message: "failed to read key"), { $0.message == "failed to read key" && $0.status == 502 }),
        (.body("no JSON"), { $0.text == "no JSON" && $0.status == 200 }),
        (.contentType("text/html"), { $0["Content-Type"] == "text/html" && $0.bytes("plaintext")?.count == 32 }),
        (.missing(member: "plaintext"), { $0.json["plaintext"] == .missing && $0.bytes("ciphertext")?.count == 76 }),
        (.larger(byByteCount: 2_000_000), { $0.body.count > 2_000_000 && $0.bytes("plaintext")?.count == 32 }),
        (.drip(every: .microseconds(100)), { $0.bytes("plaintext")?.count == 32 }),
        (.delay(.milliseconds(1)), { $0.bytes("plaintext")?.count == 32 }),
        (.reset(.after), { $0.bytes("plaintext")?.count == 32 }),
        (.goAway, { $0.bytes("plaintext")?.count == 32 }),
    ]

    @Test("An answer that is strange, or strangely given", arguments: Self.strange.indices)
    func answers(_ index: Int) async throws {
        let (fault, isExpected) = Self.strange[index]
        try await withServer { server in
            server.faults.set(fault)
            for version in CurlCommand.HTTPVersion.allCases {
                let outcome = try Client(server, version).generate()
                let answer = try #require(outcome.answers.first, "\(fault) \(version): \(outcome)")
                #expect(isExpected(answer), "\(fault) \(version): \(answer.text.prefix(300))")
            }
        }
    }

    @Test("A fault keeps to its endpoints, its turns and its times")
    func rules() async throws {
        try await withServer { server in
            server.faults.set([
                FaultRule(.status(500, message: "now and then"), on: [.generateKey], every: 2, times: 2)
            ])
            let client = try Client(server)
            let statuses = try (1...6).map { _ in try client.generate().answers.first?.status }
            #expect(statuses == [500, 200, 500, 200, 200, 200])
            #expect(try client.ask("GET", "/v1/ready").status == 200)
        }
    }

    @Test(
        "A connection is kept, unless an answer says that it is the last", arguments: CurlCommand.HTTPVersion.allCases)
    func connections(_ version: CurlCommand.HTTPVersion) async throws {
        try await withServer { server in
            let client = try Client(server, version)
            let paths = Array(repeating: "/v1/ready", count: 3)
            #expect(try client.run(paths).answers.map(\.status) == [200, 200, 200])
            try await server.wait(for: "the end") { $0.openConnections.isEmpty }
            #expect(server.snapshot.connections.map(\.requestCount) == [3])
            server.faults.set(.goAway)
            #expect(try client.run(paths).answers.map(\.status) == [200, 200, 200])
            try await server.wait(for: "the ends") { $0.openConnections.isEmpty && $0.requestCount == 6 }
            #expect(server.snapshot.connections.map(\.requestCount) == [3, 1, 1, 1])
        }
    }

    @Test("Answers are held until their release", arguments: CurlCommand.HTTPVersion.allCases)
    func holds(_ version: CurlCommand.HTTPVersion) async throws {
        try await withServer { server in
            server.faults.set(.hold, on: [.generateKey])
            let client = try Client(server, version)
            let answers = try await withThrowingTaskGroup { group in
                for _ in 1...3 { group.addTask { try await offPool { try client.generate().answers.first?.status } } }
                try await server.wait(for: "three requests") { $0.heldCount == 3 && $0.openConnections.count == 3 }
                server.release()
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers == [200, 200, 200])
            #expect(server.snapshot.heldCount == 0)
        }
    }
}
