// SPDX-License-Identifier: Apache-2.0

import Glibc
import Linux
import ServerTestSupport
import Synchronization
import Testing

@testable import HTTPServer

/// Many connections on one socket.
@Suite(.timeLimit(.minutes(5))) struct ServerTests {
    private let front = ScriptedFront()
    private var journal: Journal { self.front.journal }

    @Test func connectionsAreServedSideBySide() async throws {
        try await TestServer.run(self.front, threads: 2) { server in
            try await withThrowingTaskGroup(of: Void.self) { clients in
                for number in 0..<20 {
                    clients.addTask {
                        let client = try server.client()
                        for round in 0..<50 {
                            let text = "\(number) \(round)"
                            try await client.send(post("/echo", text))
                            #expect(try await client.receive().text == text)
                        }
                    }
                }
                try await clients.waitForAll()
            }
            #expect(self.journal.count(of: "answered 200") == 1000)
        }
    }

    @Test func aListenerGetsAnotherSocketAndKeepsItsConnections() async throws {
        try await TestServer.run(self.front, threads: 2) { server in
            let first = try server.client()
            try await first.send(post("/echo", "before"))
            #expect(try await first.receive().text == "before")
            for round in 0..<5 {
                let waiting = try server.client()  // Perhaps not accepted yet.
                try server.replaceSocket()
                for client in [first, waiting, try server.client()] {
                    try await client.send(post("/echo", "\(round)"))
                    #expect(try await client.receive().text == "\(round)")
                }
            }
        }
    }

    @Test func aSocketThatComesAfterTheEndOfAcceptingIsClosed() async throws {
        try await TestServer.run(self.front) { server in
            _ = await server.server.drain(within: .zero)
            try server.replaceSocket()
            try await server.turn()
            #expect(throws: (any Error).self) { try server.client() }
        }
    }

    @Test func requestsOfAProcessHaveNamesOfTheirOwn() async throws {
        try await TestServer.run(self.front) { server in
            var names: [String] = []
            for _ in 0..<3 {
                let client = try server.client()
                try await client.send(get("/at-once") + get("/at-once"))
                names += try await client.receive(2).compactMap { $0["X-Request-Id"] }
            }
            #expect(Set(names).count == 6)
            let processes = Set(names.map { $0.split(separator: "-").first.map(String.init) ?? "" })
            #expect(processes.count == 1)
            #expect(processes.first?.utf8.count == 16)
        }
    }

    @Test func anAnswerThatIsAwaitedHoldsUpNobodyElse() async throws {
        try await TestServer.run(self.front) { server in
            let patient = try server.client()
            try await patient.send(get("/later/a"))
            await self.journal.wait(for: "begun a")
            for _ in 0..<10 {
                let client = try server.client()
                try await client.send(get("/at-once"))
                #expect(try await client.receive().text == "at once")
            }
            self.journal.note("answer a")
            #expect(try await patient.receive().text == "later a")
        }
    }

    // MARK: Limits

    @Test func oneConnectionTooManyIsToldSo() async throws {
        try await TestServer.run(self.front, limits: .generous.with(\.connections, 2)) { server in
            let clients = [try server.client(), try server.client()]
            for client in clients {
                try await client.send(get("/at-once"))
                #expect(try await client.receive().status == 200)
            }
            #expect(server.connections.current == 2)

            let third = try server.client()
            try await third.send(get("/at-once"))
            let answers = try await third.receiveAnswersToEnd()
            #expect(answers.map(\.status) == [503])
            #expect(answers.map(\.closes) == [true])
            #expect(server.connections.refused == 1)
            #expect(server.connections.current == 2)
            #expect(self.journal.count(of: "route") == 2)

            try await clients[0].send(get("/at-once"))
            #expect(try await clients[0].receive().status == 200)
        }
    }

    @Test func aRefusedClientThatSendsLateGetsItsAnswer() async throws {
        try await TestServer.run(self.front, limits: .generous.with(\.connections, 0)) { server in
            let client = try server.client()
            #expect(try await client.receive().status == 503)
            try await server.turn()
            try await client.send(String(repeating: post("/echo", "secret"), count: 10_000))
            #expect(try await client.receiveToEnd().isEmpty)
        }
    }

    @Test func aRefusedClientThatDoesNotLeaveIsCutOff() async throws {
        let limits = ServerLimits.generous.with(\.connections, 0).with(\.lingerTimeout, .milliseconds(1))
        try await TestServer.run(self.front, limits: limits) { server in
            let client = try server.client()
            #expect(try await client.receive().status == 503)
            await #expect(throws: RawClient.Failure.cannotSend(code: EPIPE)) {
                while true { try await client.send("x") }
            }
        }
    }

    @Test func whoeverLeavesMakesRoom() async throws {
        try await TestServer.run(self.front, limits: .generous.with(\.connections, 1)) { server in
            let first = try server.client()
            try await first.send(get("/at-once"))
            #expect(try await first.receive().status == 200)
            first.leave()
            var status = 503
            while status == 503 {
                let next = try server.client()
                try await next.send(get("/at-once"))
                status = try await next.receive().status
            }
            #expect(status == 200)
        }
    }

    @Test func ofManyConnectionsAsManyAreServedAsThereMayBe() async throws {
        try await TestServer.run(self.front, limits: .generous.with(\.connections, 50), threads: 2) { server in
            var clients: [RawClient] = []
            for _ in 0..<200 { clients.append(try server.client()) }
            var served: [RawClient] = []
            for client in clients {
                try await client.send(get("/at-once"))
                if try await client.receive().status == 200 { served.append(client) }
            }
            #expect(served.count == 50)
            #expect(server.connections.current == 50)
            #expect(server.connections.refused == 150)
            for client in served {
                try await client.send(get("/at-once"))
                #expect(try await client.receive().status == 200)
            }
        }
    }

    @Test func aBurstOfConnectionsFindsRoomToWait() async throws {
        try await TestServer.run(self.front) { server in
            let pause = LoopPause(of: server.server.loops[0])
            defer { pause.end() }
            await pause.begun()
            // Connecting does not wait for room.
            var clients: [RawClient] = []
            for _ in 0..<300 { clients.append(try server.client()) }
            pause.end()
            for client in clients {
                try await client.send(get("/at-once"))
                #expect(try await client.receive().status == 200)
            }
        }
    }

    // MARK: Leaks

    @Test func nothingIsLeftOfConnectionsThatHaveGone() async throws {
        try await TestServer.run(self.front, threads: 2) { server in
            for round in 0..<30 {
                for kind in 0..<7 {
                    let client = try server.client()
                    switch kind {
                    case 0:
                        break
                    case 1:
                        try await client.send(get("/at-once"))
                        _ = try await client.receive()
                    case 2:
                        try await client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
                    case 3:
                        try await client.send("nonsense\r\n")
                        _ = try await client.receive()
                    case 4:
                        try await client.send(post("/refused", "body") + get("/at-once"))
                    case 5:
                        try await client.send(String(repeating: get("/big/20000"), count: 20))
                    case _:
                        try await client.send(get("/later/\(round)"))
                        await self.journal.wait(for: "begun \(round)")
                        client.leave()
                        await self.journal.wait(for: "cancelled \(round)")
                        self.journal.note("answer \(round)")
                    }
                    client.leave()
                }
            }
            #expect(await server.server.drain(within: .hours(1)) == 0)
            #expect(server.connections.current == 0)
            // What came last is released when the task of the last deferred answer ends.
            await self.journal.wait(for: "released", times: self.journal.count(of: "route"))
            #expect(self.journal.count(of: "released") == self.journal.count(of: "route"))
        }
    }
}

/// Keeps a loop from doing anything.
private final class LoopPause: Sendable {
    private let start = Journal()
    private let condition = Atomic(false)

    init(of loop: LoopInbox) {
        loop.post(
            .call {
                self.start.note("begun")
                while !self.condition.load(ordering: .acquiring) { sched_yield() }
            })
    }

    func begun() async { await self.start.wait(for: "begun") }

    func end() { self.condition.store(true, ordering: .releasing) }
}
