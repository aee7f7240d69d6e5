// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// Streams that are gone when the agent handles what happened on them: the client resets them in the same segment.
@Suite struct HTTP2StreamAttackTests {
    private static let ways = Way.allCases.filter(\.isHTTP2)
    /// One byte less than any request's body may have and one more than that follow in two parts.
    private static let longestBody = [UInt8](repeating: UInt8(ascii: "x"), count: 1_000_000)

    @Test(arguments: Self.ways, [HTTPRequest("GET", "/version"), HTTPRequest("POST", "/v1/key/generate/my-key")])
    func aBodyThatBecomesTooLongAndIsResetAtOnce(by way: Way, request: HTTPRequest) throws {
        let files = try TLSFiles()
        try files.withAgent { agent in
            let client = try HTTP2Connection(on: try agent.connectRaw(by: way, as: files.client))
            let stream = try client.open(request, ends: false)
            try client.send(Self.longestBody, on: stream, ends: false)
            try client.send(atOnce: [.data(stream, "x", ends: false), .reset(stream)])
            try Self.expectService(by: agent, to: files.client)
        }
    }

    /// Every frame that makes an event, with the stream's end before or behind it in the same segment.
    @Test(arguments: Self.ways)
    func streamsThatAreResetBeforeTheirEventsAreHandled(by way: Way) throws {
        let files = try TLSFiles()
        try files.withAgent { agent in
            let client = try HTTP2FrameConnection(on: try agent.connectRaw(by: way, as: files.client))
            let generate = "/v1/key/generate/my-key"
            try client.send(
                .request(1, "POST", generate), .reset(1),
                .request(3, "POST", generate, ends: false), .reset(3), .data(3, "{}"),
                .request(5, "POST", generate, [("expect", "100-continue")], ends: false), .reset(5),
                .request(7, "POST", generate, [("content-length", "1000001")], ends: false), .reset(7),
                .request(9, "GET", "/", [("host", "x")], ends: false), .reset(9),
                .request(11, "POST", generate, ends: false), .data(11, "{}"), .reset(11), .window(11, 1),
                .request(13, "GET", "/version"))
            #expect(try client.receive(13).status == 200)
            try Self.expectService(by: agent, to: files.client)
        }
    }

    private static func expectService(by agent: TLSAgent, to client: TestKeyPair) throws {
        #expect(try agent.connectHTTP2(as: client).ask(.generate()).isDataKey)
        #expect(try agent.agent.ask(.generate()).isDataKey)
    }
}
