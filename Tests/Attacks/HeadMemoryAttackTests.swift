// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// Clients that have the agent keep what they send before it knows whether they may ask for anything.
@Suite struct HeadMemoryAttackTests {
    private static func fields(_ byteCount: Int) -> [(String, String)] {
        [(String, String)](repeating: ("x", String(repeating: "v", count: 1_000)), count: byteCount / 1_033)
    }

    private static func head(_ stream: Int32, _ fields: [(String, String)]) -> [HTTP2Frame] {
        HTTP2Frame.wholeHead(stream, HTTP2Frame.requestFields("GET", "/version") + fields)
    }

    @Test(arguments: Way.http11)
    func aHeadOfHTTP11IsRefusedFrom32KiBOn(by way: Way) throws {
        let files = try TLSFiles()
        try files.withAgent { agent in
            let padding = "X: " + String(repeating: "v", count: 31_000)
            #expect(try agent.connect(by: way).ask(HTTPRequest("GET", "/version", fields: [padding])).status == 200)
            let connection = try agent.connectRaw(by: way)
            try connection.send(HTTPRequest("GET", "/version", fields: [padding, "Y: " + padding]))
            #expect(try connection.receiveAnswer().status == 431)
        }
    }

    @Test func aHeadOfHTTP2IsRefusedFrom32KiBOnAndEndsTheConnectionFromTwiceThatOn() throws {
        let files = try TLSFiles()
        try files.withAgent { agent in
            for way in Way.allCases where way.isHTTP2 {
                let client = try HTTP2FrameConnection(on: try agent.connectRaw(by: way))
                try client.send(Self.head(1, Self.fields(31_000)))
                #expect(try client.receive(1).status == 200)
                try client.send(Self.head(3, Self.fields(40_000)))
                #expect(try client.receive(3).status == 431)
                try client.sendWhatIsTaken(Self.head(5, Self.fields(80_000)))
                try client.receiveEnd()
                #expect(client.goAwayCodes == [11])
            }
        }
    }

    /// Each stream of each connection leaves a long head behind, and stays open.
    @Test func headsOfOpenStreamsTakeNoMemory() throws {
        try withAgent { agent in
            let target = "/nothing?" + String(repeating: "q", count: 15_000)
            let before = try agent.metrics.value("process_resident_memory_bytes") ?? 0
            let clients = try (0..<20).map { _ in try HTTP2FrameConnection(on: try agent.connect()) }
            for client in clients {
                try client.send((0..<127).map { .request(2 * $0 + 1, "GET", target, ends: false) })
                try client.send(.request(255, "GET", "/version"))
                #expect(try client.receive(255).status == 200)
            }
            let after = try agent.metrics.value("process_resident_memory_bytes") ?? .infinity
            #expect(after - before < 16 * 1024 * 1024)
        }
    }

    /// A client that may not ask for anything is told by the head, and does not have to send the body.
    @Test func aRequestThatIsRefusedIsNotWaitedFor() throws {
        let files = try TLSFiles()
        try files.withAgent { agent in
            let client = try HTTP2FrameConnection(on: try agent.connectRaw(by: .tlsHTTP2))
            try client.send(
                .request(1, "POST", "/v1/key/generate/my-key", [("content-length", "900000")], ends: false),
                .request(3, "POST", "/v1/key/generate/my-key", ends: false))
            #expect(try client.receive(1).status == 400)
            #expect(try client.receive(3).status == 400)

            let connection = try agent.connectRaw(by: .tlsHTTP11)
            try connection.send(
                HTTPRequest("POST", "/v1/key/generate/my-key", fields: ["Content-Length: 1000001"]))
            #expect(try connection.receiveAnswer().status == 400)
        }
    }
}
