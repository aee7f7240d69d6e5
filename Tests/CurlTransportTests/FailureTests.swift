// SPDX-License-Identifier: Apache-2.0

import CurlTransport
import TestSupport
import Testing

@Suite(.serialized) struct FailureTests {
    /// What a server does to its client, and what the client makes of it.
    struct Rudeness: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let kind: TransferFailure.Kind
        let requestWasSent: Bool
        let act: @Sendable (TestConnection) -> Void

        init(
            _ description: String, _ kind: TransferFailure.Kind, requestWasSent: Bool,
            act: @escaping @Sendable (TestConnection) -> Void
        ) {
            self.testDescription = description
            self.kind = kind
            self.requestWasSent = requestWasSent
            self.act = act
        }
    }

    static let rudenesses = [
        Rudeness("resets in the handshake", .tls, requestWasSent: false) { connection in
            connection.waitForHello()
            connection.reset()
        },
        Rudeness("closes in the handshake", .tls, requestWasSent: false) { $0.waitForHello() },
        Rudeness("resets before the answer", .broken, requestWasSent: true) { connection in
            guard connection.shakeHands(), connection.readRequest() != nil else { return }
            connection.reset()
        },
        Rudeness("closes before the answer", .broken, requestWasSent: true) { connection in
            guard connection.shakeHands(), connection.readRequest() != nil else { return }
            connection.sayGoodbye()
        },
        Rudeness("resets in the fields", .broken, requestWasSent: true) { connection in
            guard connection.shakeHands(), connection.readRequest() != nil else { return }
            connection.write("HTTP/1.1 200 OK\r\nContent-Le")
            connection.reset()
        },
        Rudeness("resets in the body", .broken, requestWasSent: true) { connection in
            guard connection.shakeHands(), connection.readRequest() != nil else { return }
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
            connection.reset()
        },
        Rudeness("ends the body early", .broken, requestWasSent: true) { connection in
            guard connection.shakeHands(), connection.readRequest() != nil else { return }
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
            connection.sayGoodbye()
        },
        Rudeness("ends a chunked body early", .broken, requestWasSent: true) { connection in
            guard connection.shakeHands(), connection.readRequest() != nil else { return }
            connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n")
            connection.sayGoodbye()
        },
        Rudeness("answers garbage", .broken, requestWasSent: true) { connection in
            guard connection.shakeHands(), connection.readRequest() != nil else { return }
            connection.write("no HTTP at all\r\n\r\n")
            connection.sayGoodbye()
        },
        Rudeness("answers a chunk that is none", .broken, requestWasSent: true) { connection in
            guard connection.shakeHands(), connection.readRequest() != nil else { return }
            connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n")
            connection.waitForEnd()
        },
    ]

    @Test(arguments: Self.rudenesses)
    func aServerThat(_ rudeness: Rudeness) async throws {
        let server = try TestServer(serve: rudeness.act)
        defer { server.stop() }
        try await withPool { pool async throws in
            let failure = try #require(await pool.failure(of: .get(server.endpoint)))
            #expect(failure.kind == rudeness.kind, "\(failure)")
            #expect(failure.requestWasSent == rudeness.requestWasSent)
            #expect(!failure.reason.isEmpty)
        }
    }

    @Test func aServerThatResetsAfterTheAnswerDoesNoHarm() async throws {
        let server = try TestServer { connection in
            guard connection.shakeHands(), connection.readRequest() != nil else { return }
            connection.answer("whole")
            connection.reset()
        }
        defer { server.stop() }
        try await withPool { pool async throws in
            for _ in 0..<5 { #expect(try await pool.get(server) == "whole") }
        }
    }

    @Test func aPortWhereNobodyListensRefuses() async throws {
        let server = try TestServer()
        server.stop()
        await server.waitForListenerToClose()
        try await withPool { pool async throws in
            let failure = await pool.failure(of: .get(server.endpoint))
            #expect(failure == TransferFailure(.refused, reason: "Connection refused", requestWasSent: false))
        }
    }

    @Test func aNameThatIsNoneIsNotResolved() async throws {
        try await withPool { pool async throws in
            let failure = await pool.failure(of: .get("https://nobody.invalid:7373"))
            #expect(failure?.kind == .nameNotResolved)
            #expect(failure?.requestWasSent == false)
        }
    }

    /// Whoever waits behind 24 that cannot connect is told with them.
    @Test(arguments: [TransferEngine.HTTPVersion.http11, .http2])
    func thoseWhoWaitForADeadEndpointFailWithTheOthers(over version: TransferEngine.HTTPVersion) async throws {
        let server = try TestServer { $0.waitForHello() }
        defer { server.stop() }
        try await withPool(.patient(version, requestCountMax: 2)) { pool async throws in
            let kinds = await withTaskGroup(of: TransferFailure.Kind?.self) { group in
                for _ in 0..<40 { group.addTask { await pool.failure(of: .get(server.endpoint))?.kind } }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(kinds == Array(repeating: .tls, count: 40))
            #expect(pool.openConnections == 0)
        }
    }

    @Test func aStreamThatIsResetFailsAlone() async throws {
        let server = try TestServer(protocols: ["h2"]) { connection in
            guard connection.shakeHands() else { return }
            connection.serveStreams { stream in
                guard stream == 3 else { return connection.answer(stream, "stream \(stream)") }
                connection.write(HTTP2Frame(kind: .resetStream, stream: 3, payload: UInt32(2).bigEndianBytes).bytes)
            }
        }
        defer { server.stop() }
        try await withPool(.patient(.http2)) { pool async throws in
            #expect(try await pool.get(server) == "stream 1")
            #expect(await pool.failure(of: .get(server.endpoint))?.kind == .broken)
            #expect(try await pool.get(server) == "stream 5")
            #expect(server.acceptedCount == 1)
        }
    }

    /// The farewell comes together with the answer: libcurl 7.88 fails a request that crosses it.
    @Test func aConnectionThatGoesAwayIsReplaced() async throws {
        let server = try TestServer(protocols: ["h2"]) { connection in
            guard connection.shakeHands() else { return }
            connection.serveStreams { stream in
                let last = HTTP2Frame(kind: .goAway, payload: stream.bigEndianBytes + UInt32(0).bigEndianBytes)
                connection.answer(stream, "stream \(stream)", followedBy: last)
            }
        }
        defer { server.stop() }
        try await withPool(.patient(.http2)) { pool async throws in
            for _ in 0..<5 { #expect(try await pool.get(server) == "stream 1") }
            #expect(server.acceptedCount == 5)
        }
    }
}
