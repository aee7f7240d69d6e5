// SPDX-License-Identifier: Apache-2.0

import FakeKES
import TestSupport
import Testing

/// What meets a connection before its first request.
struct DoorTests {
    @Test("Certificates that nobody should trust", arguments: ConnectionFaults.Certificate.allCases)
    func certificates(_ certificate: ConnectionFaults.Certificate) async throws {
        try await withServer { server in
            let client = try Client(server)
            server.connectionFaults.certificate = certificate
            let expected: Int32 = certificate == .valid ? 0 : 60
            #expect(try client.generate().exitStatus == .exited(expected))
            server.connectionFaults = ConnectionFaults()
            #expect(try client.generate().exitStatus == .exited(0))
        }
    }

    @Test("Connections that do not come about", arguments: [ConnectionFaults.Handshake.closes, .resets])
    func handshakes(_ handshake: ConnectionFaults.Handshake) async throws {
        try await withServer { server in
            server.connectionFaults.handshake = handshake
            let outcome = try Client(server).generate()
            // A reset may come before curl has seen that it is connected.
            #expect([.exited(35), .exited(7)].contains(outcome.exitStatus))
            #expect(server.snapshot.connections.isEmpty)
        }
    }

    @Test("A handshake that hangs, until the connection is reset")
    func hangs() async throws {
        try await withServer { server in
            server.connectionFaults.handshake = .hangs
            let client = try Client(server)
            async let outcome = offPool { try client.generate() }
            try await server.wait(for: "the connection") { $0.socketCount == 1 }
            server.resetConnections()
            #expect(try await outcome.exitStatus == .exited(35))
        }
    }

    @Test("No more connections than there may be")
    func limits() async throws {
        try await withServer { server in
            server.faults.set(.hold)
            server.connectionFaults.connectionCountMax = 1
            let client = try Client(server)
            async let first = offPool { try client.generate() }
            try await server.wait(for: "the first request") { $0.heldCount == 1 }
            let second = try client.generate()
            #expect(second.exitStatus == .exited(35))
            server.release()
            #expect(try await first.exitStatus == .exited(0))
        }
    }

    @Test("One HTTP version only", arguments: ConnectionFaults.HTTPVersion.allCases)
    func httpVersions(_ version: ConnectionFaults.HTTPVersion) async throws {
        try await withServer { server in
            server.connectionFaults.httpVersions = [version]
            #expect(try Client(server, version == .http2 ? .http2 : .http11).generate().exitStatus == .exited(0))
            try await server.wait(for: "the connection") { $0.connections.map(\.httpVersion) == [version] }
        }
    }

    @Test(
        "A session is resumed with its identity, unless the server has forgotten it",
        arguments: ConnectionFaults.TLSVersion.allCases)
    func resumption(_ tls: ConnectionFaults.TLSVersion) async throws {
        try await withServer { setup in
            setup.connectionFaults.tlsVersions = [tls]
        } body: { server in
            let session = try TLSSession(server)
            try session.connect(resuming: false)
            try session.connect(resuming: true)
            server.forgetSessions()
            try session.connect(resuming: true)
            server.connectionFaults.resumesSessions = false
            try session.connect(resuming: true)
            try await server.wait(for: "the ends") { $0.connections.count == 4 && $0.openConnections.isEmpty }
            let seen = server.snapshot.connections
            #expect(seen.map(\.isResumed) == [false, true, false, false])
            #expect(Set(seen.map(\.identity)) == [server.credentials.client.identity])
        }
    }

    @Test("A server that goes down resets its connections, and comes back at the same place")
    func outage() async throws {
        try await withServer { server in
            server.faults.set(.hold, times: 1)
            let client = try Client(server)
            async let cutOff = offPool { try client.generate() }
            try await server.wait(for: "the request") { $0.heldCount == 1 }
            await server.goDown()
            #expect(try await cutOff.exitStatus == .exited(56))
            #expect(server.snapshot.socketCount == 0 && server.snapshot.heldCount == 0)
            #expect(try client.generate().exitStatus == .exited(7))
            try await server.comeBack()
            #expect(try client.generate().exitStatus == .exited(0))
        }
    }

    @Test(
        "A drain ends what is idle at once, and what is not after its answer",
        arguments: CurlCommand.HTTPVersion.allCases)
    func drain(_ version: CurlCommand.HTTPVersion) async throws {
        try await withServer { server in
            server.faults.set(.hold, times: 1)
            let client = try Client(server, version)
            async let outcome = offPool { try client.run(["/v1/ready", "/v1/ready"]) }
            try await server.wait(for: "the request") { $0.heldCount == 1 }
            server.drainConnections()
            server.release()
            #expect(try await outcome.answers.map(\.status) == [200, 200])
            try await server.wait(for: "the ends") { $0.openConnections.isEmpty }
            #expect(server.snapshot.connections.map(\.requestCount) == [1, 1])
        }
    }
}
