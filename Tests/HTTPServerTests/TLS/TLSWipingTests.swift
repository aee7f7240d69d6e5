// SPDX-License-Identifier: Apache-2.0

import ServerTestSupport
import TestSupport
import Testing

@testable import HTTPServer
@testable import LockedMemory

/// What came and went by TLS is nowhere in the memory that it went through: OpenSSL's records, nghttp2's frames, buffers of
/// requests and answers.
@Suite(.timeLimit(.minutes(5))) struct TLSWipingTests {
    private let front = ScriptedFront()

    private func isHeld(_ text: String) throws -> Bool {
        let memory = try SharedMemory.secrets
        return MemoryShare.allCases.contains { memory.heap($0).holds(Array(text.utf8)) }
    }

    @Test("on a connection that is open", arguments: CurlCommand.HTTPVersion.allCases, [20, 20_000, 500_000])
    func open(version: CurlCommand.HTTPVersion, byteCount: Int) async throws {
        // Said once in the body, so that it is found wherever a part of that is left.
        let secret = "secret \(Int.random(in: 0 ... .max)) of \(version) and \(byteCount)"
        let body =
            String(repeating: "0123456789", count: byteCount / 20) + secret
            + String(repeating: "0123456789", count: byteCount / 20)
        try await TLSTestServer.run(self.front) { server in
            // On one connection: the second request keeps it open.
            async let outcome = server.curl(
                version, as: nil, "--data-binary", "@-", "-H", "Expect:", "\(server.url)/echo", "--next",
                version.rawValue, "--silent", "--include", "--cacert", "ca.crt", "\(server.url)/later/a", input: body)
            await self.front.journal.wait(for: "begun a")
            await server.turn()
            #expect(try !self.isHeld(secret))
            self.front.journal.note("answer a")
            let answers = try await outcome.answers
            #expect(answers.map(\.status) == [200, 200])
            #expect(answers.first?.body == Array(body.utf8))
            // curl has ended; the server gets to know of it later.
            await server.waitForConnections(0)
            #expect(try !self.isHeld(secret))
        }
        #expect(try !self.isHeld(secret))
    }
}
