// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import ServerTestSupport
import Testing

@testable import HTTPServer

/// The end of a server: who is still answered, who is cut off, and that it ends.
@Suite(.timeLimit(.minutes(5))) struct ServerDrainTests {
    private let front = ScriptedFront()
    private var journal: Journal { self.front.journal }
    private let withoutGrace = ServerLimits.generous.with(\.drainGrace, .zero)

    @Test func aServerWithoutConnectionsEndsAtOnce() async throws {
        try await TestServer.run(self.front) { server in
            #expect(await server.server.drain(within: .seconds(20)) == 0)
            #expect(throws: RawClient.Failure.cannotConnect(code: ECONNREFUSED)) { try server.client() }
        }
    }

    @Test func idleConnectionsAreClosedWhenTheGraceIsOver() async throws {
        try await TestServer.run(self.front, limits: self.withoutGrace, threads: 2) { server in
            var clients: [RawClient] = []
            for _ in 0..<10 { clients.append(try server.client()) }
            for client in clients.prefix(5) {
                try await client.send(get("/at-once"))
                _ = try await client.receive()
            }
            #expect(await server.server.drain(within: .seconds(20)) == 0)
            for client in clients { #expect(try await client.receiveToEnd().isEmpty) }
        }
    }

    @Test func aClientThatGoesOnAskingIsToldToGo() async throws {
        try await TestServer.run(self.front) { server in
            let client = try server.client()
            try await client.send(get("/at-once"))
            _ = try await client.receive()
            async let cutOff = server.server.drain(within: .seconds(20))
            var isTold = false
            while !isTold {
                try await client.send(get("/at-once"))
                let answer = try await client.receive()
                #expect(answer.text == "at once")
                isTold = answer.closes
            }
            #expect(try await client.receiveToEnd().isEmpty)
            #expect(await cutOff == 0)
        }
    }

    @Test func answersThatAreAwaitedAreAwaited() async throws {
        try await TestServer.run(self.front, limits: self.withoutGrace, threads: 2) { server in
            var clients: [RawClient] = []
            for number in 0..<10 {
                clients.append(try server.client())
                try await clients[number].send(get("/later/\(number)"))
                await self.journal.wait(for: "begun \(number)")
            }
            async let cutOff = server.server.drain(within: .seconds(20))
            while (try? server.client()) != nil {}
            for number in 0..<10 {
                self.journal.note("answer \(number)")
                #expect(try await clients[number].receiveAnswersToEnd().map(\.text) == ["later \(number)"])
            }
            #expect(await cutOff == 0)
        }
    }

    @Test func whatTakesTooLongIsCutOffAndCounted() async throws {
        try await TestServer.run(self.front, limits: self.withoutGrace) { server in
            let clients = [try server.client(), try server.client(), try server.client()]
            try await clients[0].send(get("/later/a"))
            try await clients[1].send(get("/later/b"))
            try await clients[2].send(get("/at-once"))
            await self.journal.wait(for: "begun a")
            await self.journal.wait(for: "begun b")
            #expect(try await clients[2].receive().text == "at once")
            #expect(await server.server.drain(within: .milliseconds(300)) == 2)
            for client in clients { #expect(try await client.receiveToEnd().isEmpty) }
            await self.journal.wait(for: "cancelled a")
            await self.journal.wait(for: "cancelled b")
            self.journal.note("answer a")
            self.journal.note("answer b")
        }
    }

    @Test func cuttingOffEndsADrain() async throws {
        try await TestServer.run(self.front) { server in
            let client = try server.client()
            try await client.send(get("/later/a"))
            await self.journal.wait(for: "begun a")
            async let cutOff = server.server.drain(within: .seconds(20))
            while (try? server.client()) != nil {}
            server.server.cutOff()
            #expect(await cutOff == 0)
            #expect(try await client.receiveToEnd().isEmpty)
            self.journal.note("answer a")
        }
    }

    @Test("a connection opened just before the drain is served", arguments: [1, 2])
    func justBefore(threads: Int) async throws {
        for _ in 0..<20 {
            try await TestServer.run(self.front, threads: threads) { server in
                let clients = [try server.client(), try server.client(), try server.client()]
                for client in clients { try await client.send(get("/at-once")) }
                async let cutOff = server.server.drain(within: .seconds(20))
                for client in clients {
                    #expect(try await client.receive().text == "at once")
                    client.leave()
                }
                #expect(await cutOff == 0)
            }
        }
    }
}
