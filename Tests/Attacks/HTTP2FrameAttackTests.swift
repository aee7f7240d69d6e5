// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// Frames that cost the agent work and ask for nothing, or cannot be answered.
@Suite struct HTTP2FrameAttackTests {
    private static let floods: [(String, HTTP2Frame)] = [
        ("PRIORITY", HTTP2Frame(type: 2, stream: 1, payload: [0, 0, 0, 0, 16])),
        ("PRIORITY_UPDATE", HTTP2Frame(type: 16, payload: [0, 0, 0, 1, UInt8(ascii: "u")])),
        ("unknown", HTTP2Frame(type: 0x42, payload: [1, 2, 3])),
        ("unknown and empty", HTTP2Frame(type: 0xfe)),
        ("ALTSVC", HTTP2Frame(type: 10, payload: [0, 0])),
        ("DATA with padding alone", HTTP2Frame(type: 0, flags: 8, stream: 1, payload: [3, 0, 0, 0])),
        ("PING acknowledgement", .ping(isAnswer: true)),
        ("WINDOW_UPDATE", .window(0, 1)),
    ]

    @Test(arguments: Self.floods)
    func aFloodEndsTheConnection(name: String, frame: HTTP2Frame) throws {
        try withAgent { agent in
            let client = try HTTP2FrameConnection(on: try agent.connect())
            try client.send(.request(1, "POST", "/v1/key/generate/my-key", ends: false))
            try client.sendWhatIsTaken([HTTP2Frame](repeating: frame, count: 10_000))
            try client.receiveEnd()
            #expect(client.goAwayCodes == [11] || client.goAwayCodes.isEmpty, "\(name)")
            try expectService(by: agent)
        }
    }

    /// A field that fills HPACK's table, and then one byte for each time that it is to be decoded again.
    @Test(arguments: [true, false])
    func fieldsThatGrowWhenTheyAreDecodedEndTheConnection(inOneHead: Bool) throws {
        try withAgent { agent in
            let client = try HTTP2FrameConnection(on: try agent.connect())
            let value = [UInt8](repeating: UInt8(ascii: "v"), count: 4_000)
            // A literal to be indexed, of a new name; its length is 4000 in HPACK's form.
            let entry: [UInt8] = [0x40, 1, UInt8(ascii: "x"), 0x7f, 0xa1, 0x1e] + value
            let block = HTTP2Frame.request(1, "GET", "/version").payload
            try client.send(HTTP2Frame(type: 1, flags: 5, stream: 1, payload: block + entry))
            #expect(try client.receive(1).status == 200)
            let again = [UInt8](repeating: 0x80 | 62, count: inOneHead ? 12_000 : 7)
            let frames = (1...(inOneHead ? 1 : 2_000))
                .map {
                    HTTP2Frame(type: 1, flags: 5, stream: Int32(2 * $0 + 1), payload: block + again)
                }
            for start in stride(from: 0, to: frames.count, by: 100) where !client.hasEnded {
                try client.sendWhatIsTaken(Array(frames[start..<min(frames.count, start + 100)]))
                let last = frames[min(frames.count, start + 100) - 1].stream
                try client.receive { $0.answers[last]?.isOver == true || !$0.goAwayCodes.isEmpty }
            }
            try client.receiveEnd()
            #expect(client.goAwayCodes == [11])
            try expectService(by: agent)
        }
    }

    /// Where the target has a segment that is to go, KES redirects to the rest.
    @Test(arguments: Way.allCases)
    func aRedirectIsAnsweredHoweverLong(by way: Way) throws {
        let files = try TLSFiles()
        try files.withAgent { agent in
            let path = "/" + String(repeating: "p", count: 32_000)
            let answer = try agent.connect(by: way).ask(HTTPRequest("GET", "/" + path))
            #expect(answer.status == 301)
            #expect(answer["Location"] == path)
            // Each of these bytes is three in a location, which would be longer than the head of any request.
            let escaped = try agent.connect(by: way)
                .ask(
                    HTTPRequest("GET", "//" + String(repeating: "^", count: 30_000)))
            #expect(escaped.status == 431)
        }
    }
}
