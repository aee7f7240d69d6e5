// SPDX-License-Identifier: Apache-2.0

import CurlTransport
import LockedMemory
import TestSupport
import Testing

@Suite(.serialized) struct TransferTests {
    @Test(arguments: [TransferEngine.HTTPVersion.auto, .http11, .http2])
    func anAnswerComesWhole(over version: TransferEngine.HTTPVersion) async throws {
        let server = try TestServer(protocols: ["h2", "http/1.1"])
        defer { server.stop() }
        try await withPool(.patient(version)) { pool async throws in
            let answer = try await pool.perform(.get(server.endpoint, "/v1/status"))
            #expect(answer.status == 200)
            #expect(answer.httpVersion == (version == .http2 ? .http2 : .http1))
            #expect(answer.text == (version == .http2 ? "stream 1" : "/v1/status"))
        }
    }

    @Test func aServerWithoutHTTP2IsAskedOverHTTP1() async throws {
        let server = try TestServer()
        defer { server.stop() }
        try await withPool(.patient(.http2)) { pool async throws in
            let answers = try await answers(of: 64, from: server, over: pool)
            #expect(Set(answers) == Set((0..<64).map { "/\($0)" }))
        }
    }

    @Test func aStatusThatIsNoSuccessIsTold() async throws {
        let server = try TestServer { connection in
            guard connection.shakeHands(), connection.readRequest() != nil else { return }
            connection.answer(#"{"message":"too many"}"#, status: "429 Too Many Requests")
        }
        defer { server.stop() }
        try await withPool { pool async throws in
            let answer = try await pool.perform(.get(server.endpoint))
            #expect(answer.status == 429)
            #expect(answer.text == #"{"message":"too many"}"#)
        }
    }

    @Test func anEmptyAnswerIsOne() async throws {
        let server = try TestServer { connection in
            guard connection.shakeHands(), connection.readRequest() != nil else { return }
            connection.answer("", fields: "")
        }
        defer { server.stop() }
        try await withPool { pool async throws in
            let answer = try await pool.perform(.get(server.endpoint))
            #expect(answer.status == 200)
            #expect(answer.text.isEmpty)
        }
    }

    @Test(arguments: [
        (Transfer.Method.get, "GET /a HTTP/1.1"), (.put, "PUT /a HTTP/1.1"), (.delete, "DELETE /a HTTP/1.1"),
    ])
    func aRequestWithoutABodySaysNothingOfOne(method: Transfer.Method, line: String) async throws {
        let server = try TestServer()
        defer { server.stop() }
        try await withPool { pool async throws in
            _ = try await pool.perform(
                Transfer(
                    method, server.endpoint, "/a", answerByteCountMax: 100, deadline: .now + .seconds(60),
                    isRepeatable: false))
            let request = try #require(server.requests.first)
            #expect(request.hasPrefix(line))
            #expect(!request.lowercased().contains("content-length"))
            #expect(!request.lowercased().contains("content-type"))
            #expect(!request.lowercased().contains("transfer-encoding"))
        }
    }

    /// 70 000 bytes are more than libcurl sends along with a request's fields; 2 MiB more than it sends unannounced.
    @Test(arguments: [0, 1, 4096, 70_000, 2 << 20])
    func aBodyArrivesWholeAndUnannounced(byteCount: Int) async throws {
        let server = try TestServer { connection in
            guard connection.shakeHands() else { return }
            while let request = connection.readRequest() {
                connection.answer(String(request.components(after: "\r\n\r\n").utf8.count))
            }
        }
        defer { server.stop() }
        let memory = try Trust.shared.memory
        try await withPool { pool async throws in
            for isRepeatable in [true, false] {
                let body = try Secret([UInt8](repeating: UInt8(ascii: "x"), count: byteCount), in: memory)
                let answer = try await pool.perform(
                    Transfer(
                        .post, server.endpoint, "/", body: SharedSecret(body),
                        contentType: isRepeatable ? "application/json" : "application/cbor",
                        answerByteCountMax: 100, deadline: .now + .seconds(60), isRepeatable: isRepeatable))
                #expect(answer.text == "\(byteCount)")
            }
            let types = ["application/json", "application/cbor"]
            for (request, type) in zip(server.requests, types) {
                #expect(request.contains("Content-Length: \(byteCount)"))
                #expect(request.contains("Content-Type: \(type)"))
                #expect(!request.contains("Expect"))
            }
        }
    }

    @Test(arguments: [TransferEngine.HTTPVersion.http11, .http2], [0, 100, 5_000, 20_000, 300_000])
    func anAnswerOfAnyLengthComesWhole(over version: TransferEngine.HTTPVersion, byteCount: Int) async throws {
        let body = (0..<byteCount).map { UInt8(ascii: "a") + UInt8($0 % 23) }
        let server = try TestServer(protocols: ["h2", "http/1.1"]) { connection in
            guard connection.shakeHands() else { return }
            guard connection.chosenProtocol == "h2" else {
                while connection.readRequest() != nil { connection.answer(String(decoding: body, as: UTF8.self)) }
                return
            }
            connection.serveStreams { connection.answer($0, String(decoding: body, as: UTF8.self)) }
        }
        defer { server.stop() }
        try await withPool(.patient(version)) { pool async throws in
            #expect(try await pool.perform(.get(server.endpoint)).bytes == body)
        }
    }

    @Test(arguments: [false, true])
    func anAnswerOverTheLimitIsNotTaken(isAnnounced: Bool) async throws {
        let server = try TestServer { connection in
            guard connection.shakeHands(), connection.readRequest() != nil else { return }
            let body = String(repeating: "x", count: 1_001)
            guard !isAnnounced else { return connection.answer(body) }
            connection.write("HTTP/1.1 200 OK\r\n\r\n\(body)")
        }
        defer { server.stop() }
        try await withPool { pool async throws in
            let failure = await pool.failure(of: .get(server.endpoint, answerByteCountMax: 1_000))
            #expect(failure?.kind == .answerTooLarge)
            #expect(failure?.requestWasSent == true)
        }
    }

    @Test func anAnswerOfExactlyTheLimitIsTaken() async throws {
        let server = try TestServer()
        defer { server.stop() }
        try await withPool { pool async throws in
            #expect(try await pool.perform(.get(server.endpoint, "/12345", answerByteCountMax: 6)).text == "/12345")
        }
    }
}

/// The answers to GETs of `/0`, `/1` … at a time.
func answers(of count: Int, from server: TestServer, over pool: ConnectionPool) async throws -> [String] {
    try await withThrowingTaskGroup(of: String.self) { group in
        for number in 0..<count { group.addTask { try await pool.get(server, "/\(number)") } }
        return try await group.reduce(into: []) { $0.append($1) }
    }
}

extension String {
    fileprivate func components(after separator: String) -> Substring {
        self.firstRange(of: separator).map { self[$0.upperBound...] } ?? ""
    }
}
