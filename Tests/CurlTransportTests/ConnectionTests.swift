// SPDX-License-Identifier: Apache-2.0

import CurlTransport
import TestSupport
import Testing

@Suite(.serialized) struct ConnectionTests {
    @Test func oneConnectionServesOneRequestAfterTheOther() async throws {
        let server = try TestServer()
        defer { server.stop() }
        try await withPool { pool async throws in
            for number in 0..<20 { #expect(try await pool.get(server, "/\(number)") == "/\(number)") }
            #expect(pool.connectionsOpened == 1)
            #expect(pool.openConnections == 1)
            #expect(server.acceptedCount == 1)
        }
    }

    @Test(arguments: [1, 4, 16])
    func manyRequestsShareABoundedNumberOfConnections(countMax: Int) async throws {
        let server = try TestServer()
        defer { server.stop() }
        try await withPool(.patient(.http11, requestCountMax: countMax)) { pool async throws in
            let answers = try await answers(of: 64, from: server, over: pool)
            #expect(Set(answers) == Set((0..<64).map { "/\($0)" }))
            #expect(server.acceptedCount <= countMax)
            #expect(pool.connectionsOpened == server.acceptedCount)
            #expect(pool.transfersInFlight == 0)
        }
    }

    @Test func manyRequestsShareOneConnectionOverHTTP2() async throws {
        let server = try TestServer(protocols: ["h2"])
        defer { server.stop() }
        try await withPool(.patient(.http2)) { pool async throws in
            let answers = try await answers(of: 64, from: server, over: pool)
            #expect(Set(answers) == Set((0..<64).map { "stream \(2 * $0 + 1)" }))
            #expect(server.acceptedCount == 1)
        }
    }

    /// libcurl would send several requests at a time on the connection of HTTP/1.1 that the second leaves.
    @Test func whatSharesAConnectionDoesNotJoinWhatMayNot() async throws {
        let server = try TestServer(protocols: ["h2", "http/1.1"])
        defer { server.stop() }
        try await withPool(.patient(.http2)) { pool async throws in
            #expect(try await pool.get(server) == "stream 1")
            #expect(try await pool.get(server, "/once", isRepeatable: false) == "/once")
            let answers = try await answers(of: 64, from: server, over: pool)
            #expect(Set(answers) == Set((1...64).map { "stream \(2 * $0 + 1)" }))
            #expect(server.acceptedCount == 2)
        }
    }

    /// Every answer of HTTP/2 makes libcurl believe that the connections of HTTP/1.1 can be shared as well.
    @Test func everyRequestGetsItsOwnAnswerAlsoWhereNotEveryConnectionIsOfHTTP2() async throws {
        let heldCount = 32
        let turnstile = Gate()
        let server = try TestServer(protocols: ["h2"], laterProtocols: ["http/1.1"]) { connection in
            guard connection.shakeHands() else { return }
            guard connection.chosenProtocol == "h2" else {
                while let request = connection.readRequest() {
                    turnstile.open()
                    connection.answer(request.path)
                }
                return
            }
            // Its streams are answered while others are sent away to HTTP/1.1.
            connection.serveStreams { stream in
                let last = UInt32(2 * heldCount - 1)
                guard stream == last else { return }
                connection.write(HTTP2Frame(kind: .goAway, payload: last.bigEndianBytes + [0, 0, 0, 0]).bytes)
                for held in stride(from: 1, through: last, by: 2) {
                    turnstile.waitForOne()
                    connection.answer(held, "stream \(held)")
                }
            }
        }
        defer { server.stop() }
        try await withPool(.patient(.http2, requestCountMax: heldCount + 8)) { pool async throws in
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for number in 0..<400 {
                    tasks.addTask {
                        let answer = try await pool.get(server, "/\(number)")
                        #expect(answer == "/\(number)" || answer.hasPrefix("stream"))
                    }
                }
                try await tasks.waitForAll()
            }
        }
    }

    @Test func anEndpointDoesNotWaitForAnother() async throws {
        let slow = try TestServer { $0.waitForSilence() }
        let quick = try TestServer()
        defer {
            slow.stop()
            quick.stop()
        }
        try await withPool(.patient(requestCountMax: 1)) { pool async throws in
            async let hanging = pool.failure(of: .get(slow.endpoint))
            async let waiting = pool.failure(of: .get(slow.endpoint))
            #expect(try await pool.get(quick, "/quick") == "/quick")
            slow.stop()
            #expect(await [hanging, waiting].allSatisfy { $0?.requestWasSent == false })
        }
    }

    /// libcurl would send it again of its own accord.
    @Test func whatIsNotRepeatableIsNeverSentOnAUsedConnection() async throws {
        let server = try TestServer { connection in
            guard connection.shakeHands(), connection.readRequest() != nil else { return }
            connection.answer("first")
            // The next request is read, and not answered.
            _ = connection.readRequest()
            connection.reset()
        }
        defer { server.stop() }
        try await withPool { pool async throws in
            #expect(try await pool.get(server, "/warm") == "first")
            #expect(try await pool.get(server, "/once", isRepeatable: false) == "first")
            #expect(server.requests.filter { $0.path == "/once" }.count == 1)
            #expect(server.acceptedCount == 2)
        }
    }

    @Test func whatIsNotRepeatableIsSentOnceWhereTheAnswerFails() async throws {
        let server = try TestServer { connection in
            guard connection.shakeHands(), let request = connection.readRequest() else { return }
            if request.path == "/once" { return connection.reset() }
            connection.answer("warm")
            connection.waitForEnd()
        }
        defer { server.stop() }
        try await withPool { pool async throws in
            #expect(try await pool.get(server, "/warm") == "warm")
            let failure = await pool.failure(of: .get(server.endpoint, "/once", isRepeatable: false))
            #expect(failure?.kind == .broken)
            #expect(failure?.requestWasSent == true)
            #expect(server.requests.filter { $0.path == "/once" }.count == 1)
        }
    }

    @Test func whatIsRepeatableSurvivesThatItsConnectionWasClosed() async throws {
        let server = try TestServer { connection in
            guard connection.shakeHands(), let request = connection.readRequest() else { return }
            connection.answer(request.path)
            _ = connection.readRequest()
            connection.reset()
        }
        defer { server.stop() }
        try await withPool { pool async throws in
            for number in 0..<5 { #expect(try await pool.get(server, "/\(number)") == "/\(number)") }
        }
    }

    @Test func whatIsNotRepeatableGetsAConnectionAlsoWhereAllAreInUseOrIdle() async throws {
        let server = try TestServer()
        defer { server.stop() }
        try await withPool(.patient(requestCountMax: 2)) { pool async throws in
            _ = try await answers(of: 8, from: server, over: pool)
            for number in 0..<4 {
                #expect(try await pool.get(server, "/\(number)", isRepeatable: false) == "/\(number)")
            }
            #expect(pool.openConnections <= 2)
        }
    }

    @Test func aNewConnectionResumesTheTLSSession() async throws {
        let server = try TestServer { connection in
            guard connection.shakeHands() else { return }
            let text = connection.wasResumed ? "resumed" : "new"
            while connection.readRequest() != nil { connection.answer(text) }
        }
        defer { server.stop() }
        try await withPool { pool async throws in
            #expect(try await pool.get(server) == "new")
            #expect(try await pool.get(server, isRepeatable: false) == "resumed")
        }
    }
}
