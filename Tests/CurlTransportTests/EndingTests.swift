// SPDX-License-Identifier: Apache-2.0

import CurlTransport
import TestSupport
import Testing

/// Transfers that end otherwise than by an answer, pools and engines that end.
@Suite(.serialized) struct EndingTests {
    /// Reads requests and answers only those for `/quick`.
    static let slow: @Sendable (TestConnection) -> Void = { connection in
        guard connection.shakeHands() else { return }
        if connection.chosenProtocol == "h2" {
            // The second is the slow one.
            return connection.serveStreams { if $0 != 3 { connection.answer($0, "quick") } }
        }
        while let request = connection.readRequest() {
            if request.path == "/quick" { connection.answer("quick") }
        }
    }

    /// Reads requests and answers none.
    static let silent: @Sendable (TestConnection) -> Void = { connection in
        guard connection.shakeHands() else { return }
        if connection.chosenProtocol == "h2" { return connection.serveStreams { _ in } }
        while connection.readRequest() != nil {}
    }

    @Test(arguments: [TransferEngine.HTTPVersion.http11, .http2])
    func aCancelledTransferEndsAlone(over version: TransferEngine.HTTPVersion) async throws {
        let server = try TestServer(protocols: ["h2", "http/1.1"], serve: Self.slow)
        defer { server.stop() }
        try await withPool(.patient(version)) { pool async throws in
            #expect(try await pool.get(server, "/quick") == "quick")
            let hanging = Task { await pool.failure(of: .get(server.endpoint, "/slow")) }
            await server.waitForRequests(2)
            async let quick = pool.get(server, "/quick")
            hanging.cancel()
            let failure = await hanging.value
            #expect(failure?.kind == .cancelled)
            #expect(failure?.requestWasSent == true)
            #expect(try await quick == "quick")
            #expect(try await pool.get(server, "/quick") == "quick")
            #expect(pool.transfersInFlight == 0)
        }
    }

    @Test func aCancelledTransferMakesRoomForTheNext() async throws {
        let server = try TestServer(serve: Self.slow)
        defer { server.stop() }
        try await withPool(.patient(requestCountMax: 1)) { pool async throws in
            let hanging = Task { await pool.failure(of: .get(server.endpoint, "/slow")) }
            await server.waitForRequests(1)
            async let waiting = pool.get(server, "/quick")
            hanging.cancel()
            #expect(try await waiting == "quick")
            #expect(await hanging.value?.kind == .cancelled)
        }
    }

    @Test func aTransferThatIsCancelledWhileItWaitsIsNeverSent() async throws {
        let server = try TestServer(serve: Self.slow)
        defer { server.stop() }
        try await withPool(.patient(requestCountMax: 1)) { pool async throws in
            let hanging = Task { await pool.failure(of: .get(server.endpoint, "/slow")) }
            await server.waitForRequests(1)
            let waiting = Task { await pool.failure(of: .get(server.endpoint, "/never")) }
            waiting.cancel()
            #expect(
                await waiting.value == TransferFailure(.cancelled, reason: "cancelled", requestWasSent: false))
            hanging.cancel()
            _ = await hanging.value
            #expect(try await pool.get(server, "/quick") == "quick")
            #expect(server.requests.map(\.path) == ["/slow", "/quick"])
        }
    }

    @Test func aTransferOfACancelledTaskIsNeverSent() async throws {
        let server = try TestServer()
        defer { server.stop() }
        try await withPool { pool async throws in
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return await pool.failure(of: .get(server.endpoint))
            }
            #expect(await task.value?.kind == .cancelled)
            #expect(server.requests.isEmpty)
        }
    }

    @Test(arguments: [TransferEngine.HTTPVersion.http11, .http2])
    func anAnswerThatDoesNotComeTimesOut(over version: TransferEngine.HTTPVersion) async throws {
        let server = try TestServer(protocols: ["h2", "http/1.1"], serve: Self.slow)
        defer { server.stop() }
        try await withPool(.patient(version, requestCountMax: 1)) { pool async throws in
            #expect(try await pool.get(server, "/quick") == "quick")
            let failure = await pool.failure(of: .get(server.endpoint, "/slow", deadline: .now + .seconds(1)))
            #expect(failure?.kind == .timedOut(whileConnecting: false))
            #expect(failure?.requestWasSent == true)
            #expect(try await pool.get(server, "/quick") == "quick")
        }
    }

    @Test(arguments: [TransferEngine.HTTPVersion.http11, .http2])
    func aDeadlineReachesThoseWhoWaitForTheirTurn(over version: TransferEngine.HTTPVersion) async throws {
        let server = try TestServer(protocols: ["h2", "http/1.1"], serve: Self.silent)
        defer { server.stop() }
        try await withPool(.patient(version, requestCountMax: 1)) { pool async throws in
            let hanging = Task { await pool.failure(of: .get(server.endpoint)) }
            await server.waitForRequests(1)
            let failure = await pool.failure(of: .get(server.endpoint, deadline: .now + .milliseconds(50)))
            #expect(failure?.kind == .timedOut(whileConnecting: true))
            #expect(failure?.requestWasSent == false)
            hanging.cancel()
            #expect(await hanging.value?.kind == .cancelled)
            #expect(server.requests.count == 1)
        }
    }

    @Test func anAnswerThatStopsInTheMiddleTimesOut() async throws {
        let server = try TestServer { connection in
            guard connection.shakeHands(), connection.readRequest() != nil else { return }
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")
            connection.waitForEnd()
        }
        defer { server.stop() }
        try await withPool { pool async throws in
            let failure = await pool.failure(of: .get(server.endpoint, deadline: .now + .seconds(2)))
            #expect(failure?.kind == .timedOut(whileConnecting: false))
        }
    }

    @Test(arguments: [TransferEngine.HTTPVersion.http11, .http2])
    func aHandshakeThatDoesNotGoOnTimesOut(over version: TransferEngine.HTTPVersion) async throws {
        let server = try TestServer { $0.waitForSilence() }
        defer { server.stop() }
        let options = TransferEngine.Options(
            httpVersion: version, connectTimeout: .milliseconds(100), requestCountMax: 2)
        try await withPool(options) { pool async throws in
            let kinds = await withTaskGroup(of: TransferFailure.Kind?.self) { group in
                for _ in 0..<10 { group.addTask { await pool.failure(of: .get(server.endpoint))?.kind } }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(kinds == Array(repeating: .timedOut(whileConnecting: true), count: 10))
        }
    }

    @Test func aDeadlineThatHasPassedIsSeenBeforeAnythingIsSent() async throws {
        let server = try TestServer()
        defer { server.stop() }
        try await withPool { pool async throws in
            let failure = await pool.failure(of: .get(server.endpoint, deadline: .now - .seconds(1)))
            #expect(failure?.kind == .timedOut(whileConnecting: true))
            #expect(server.requests.isEmpty)
        }
    }

    @Test(arguments: [TransferEngine.HTTPVersion.http11, .http2])
    func aRetiredPoolEndsWhatIsUnderWayAndClosesItsConnections(over version: TransferEngine.HTTPVersion) async throws {
        let gate = Gate()
        let server = try TestServer(protocols: ["h2", "http/1.1"]) { connection in
            guard connection.shakeHands() else { return }
            if connection.chosenProtocol == "h2" {
                return connection.serveStreams { stream in
                    gate.waitUntilOpen()
                    connection.answer(stream, "done")
                }
            }
            while connection.readRequest() != nil {
                gate.waitUntilOpen()
                connection.answer("done")
            }
        }
        defer { server.stop() }
        let trust = try Trust.shared
        let engine = try TransferEngine(options: .patient(version), memory: trust.memory)
        let old = engine.makePool(tls: trust.client)
        let underWay = Task { try await old.get(server) }
        await server.waitForRequests(1)
        old.retire()
        #expect(await old.failure(of: .get(server.endpoint))?.kind == .retired)
        gate.open()
        #expect(try await underWay.value == "done")
        await server.waitForClose()

        let new = engine.makePool(tls: trust.client)
        #expect(try await new.get(server) == "done")
        #expect(old.openConnections == 0)
        #expect(new.openConnections == 1)
        await engine.stop()
    }

    @Test func aPoolThatNobodyHoldsClosesItsConnections() async throws {
        let server = try TestServer()
        defer { server.stop() }
        let trust = try Trust.shared
        let engine = try TransferEngine(options: .patient(), memory: trust.memory)
        #expect(try await engine.makePool(tls: trust.client).get(server, "/a") == "/a")
        await server.waitForClose()
        await engine.stop()
    }

    @Test(arguments: [TransferEngine.HTTPVersion.http11, .http2])
    func aStoppedEngineEndsEverything(over version: TransferEngine.HTTPVersion) async throws {
        let server = try TestServer(protocols: ["h2", "http/1.1"], serve: Self.silent)
        defer { server.stop() }
        let trust = try Trust.shared
        let engine = try TransferEngine(
            options: .patient(version, requestCountMax: 2), memory: trust.memory)
        let pools = [engine.makePool(tls: trust.client), engine.makePool(tls: trust.client)]
        let failures = await withTaskGroup(of: TransferFailure.Kind?.self) { group in
            for number in 0..<10 {
                group.addTask { await pools[number % 2].failure(of: .get(server.endpoint, "/slow"))?.kind }
            }
            await server.waitForRequests(2)
            await engine.stop()
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(failures == Array(repeating: .stopped, count: 10))
        #expect(pools.allSatisfy { $0.openConnections == 0 })
        #expect(await pools[0].failure(of: .get(server.endpoint))?.kind == .stopped)
        await server.waitForClose()
        await engine.stop()
    }

    @Test func anEngineThatNobodyHoldsEnds() async throws {
        let server = try TestServer()
        defer { server.stop() }
        let trust = try Trust.shared
        let pool = try TransferEngine(options: .patient(), memory: trust.memory).makePool(tls: trust.client)
        #expect(await pool.failure(of: .get(server.endpoint))?.kind == .stopped)
    }

    /// A busy loop turns many times while another engine works.
    @Test(arguments: [TransferEngine.HTTPVersion.http11, .http2])
    func anIdleEngineDoesNotTurn(over version: TransferEngine.HTTPVersion) async throws {
        let server = try TestServer(protocols: ["h2", "http/1.1"])
        defer { server.stop() }
        let trust = try Trust.shared
        let options = TransferEngine.Options.patient(version)
        let idle = try TransferEngine(options: options, memory: trust.memory)
        let pool = idle.makePool(tls: trust.client)
        for _ in 0..<100 { _ = try await pool.get(server) }
        // A request takes a few turns: its order, the answer, a timer.
        #expect(idle.turnCount < 1_000)

        let before = idle.turnCount
        try await withPool(options) { busy async throws in
            for _ in 0..<200 { _ = try await busy.get(server) }
        }
        // Timers that libcurl has set and forgotten may still fire.
        #expect(idle.turnCount - before < 10)
        #expect(pool.openConnections == 1)
        await idle.stop()
    }

    /// What a server says on a connection that nobody uses is not asked about again and again.
    @Test func anEngineWhoseIdleConnectionWasClosedDoesNotTurn() async throws {
        let server = try TestServer { connection in
            guard connection.shakeHands(), let request = connection.readRequest() else { return }
            connection.answer(request.path)
        }
        defer { server.stop() }
        let trust = try Trust.shared
        let idle = try TransferEngine(options: .patient(), memory: trust.memory)
        let pool = idle.makePool(tls: trust.client)
        #expect(try await pool.get(server, "/first") == "/first")
        await server.waitForClose()

        let before = idle.turnCount
        let other = try TestServer()
        defer { other.stop() }
        try await withPool { busy async throws in
            for _ in 0..<200 { _ = try await busy.get(other) }
        }
        #expect(idle.turnCount - before < 10)
        #expect(try await pool.get(server, "/second") == "/second")
        await idle.stop()
    }
}
