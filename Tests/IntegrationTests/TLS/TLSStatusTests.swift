// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// What an agent with a TLS listener tells of it, to the service manager and to `keyside status`.
@Suite struct TLSStatusTests {
    @Test func theListenerHasItsPlaceInEveryStatus() throws {
        let files = try TLSFiles()
        try files.withAgent { agent in
            let socket = agent.agent.socketPath
            let line = try agent.agent.notifications.waitForStatus { _ in true }
            #expect(line.hasSuffix("on \(socket) and \(agent.url)"), "\(line)")

            let json = try JSONValue(try Keyside.run(["status", "--output", "json", "--socket", socket]).output)
            let listeners = json["keyside"]["listeners"].elements
            #expect(listeners.map(\.names).last == ["address", "connections", "name", "refused", "valid_until"])
            let end = try #require(listeners.last?["valid_until"].string)
            #expect(end.wholeMatch(of: /2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/) != nil, "\(end)")

            let text = try Keyside.run(["status", "--socket", socket]).output
            let address = agent.url.dropFirst("https://".count)
            #expect(text.contains("tls \(address), 0 connected, certificate valid until \(end)\n"), "\(text)")
        }
    }

    @Test func theEndIsThatOfTheCertificateInUse() throws {
        let files = try TLSFiles()
        try files.withAgent { agent in
            func end() throws -> String? {
                try agent.agent.ask(.get("/v1/status")).json["keyside"]["listeners"][1]["valid_until"].string
            }
            let first = try end()
            let pair = try files.authority.issueServer(validity: .from(-60, to: 90 * 24 * 3600))
            try FileReplacement.renamedOver.replace(TLSFiles.files(pair), in: files.folder)
            try agent.agent.wait(for: "the end of the new certificate") { try end() != first }
            #expect(try agent.agent.metrics.reloads("listener", "replaced") == 1)
        }
    }
}
