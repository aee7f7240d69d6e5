// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// The same as for HTTP/1.1, with somebody else's client of HTTP/2 on the Unix socket.
@Suite(.enabled(if: Account.isRoot, "needs root to read the memory of a process that cannot be dumped"))
struct HTTP2MemoryTests {
    private let key = [UInt8].random(32)

    @Test func nothingIsLeftOfKeysThatWentByHTTP2() throws {
        try withAgent {
            $0.environment["MINIO_KMS_SECRET_KEY"] = "scan-key:\(self.key.base64)"
        } body: { agent in
            var dataKeys: [[UInt8]] = []
            for _ in 0..<20 {
                let answer = try JSONValue(try self.curl(agent, "/v1/key/generate/scan-key", "{}"))
                let dataKey = try #require(answer["plaintext"].string.flatMap { [UInt8](base64: $0) })
                let ciphertext = try #require(answer["ciphertext"].string)
                let opened = try self.curl(
                    agent, "/v1/key/decrypt/scan-key", "{\"ciphertext\":\"\(ciphertext)\"}")
                #expect(opened.contains(dataKey.base64))
                dataKeys.append(dataKey)
            }
            // A static key does not encrypt; the request with its plaintext comes all the same.
            let plaintext = [UInt8].random(3000)
            _ = try self.curl(agent, "/v1/key/encrypt/scan-key", "{\"plaintext\":\"\(plaintext.base64)\"}")
            let secrets = dataKeys.enumerated().map { KnownSecret("data key \($0.offset)", $0.element) }
            let scanner = try MemoryScanner(
                for: [KnownSecret("the static key", self.key), KnownSecret("a plaintext", plaintext)] + secrets)
            try expectNothing(in: agent, scanner, "after requests by HTTP/2")
        }
    }

    /// What a client that begins with HTTP/2 is answered. On a connection of its own: libcurl 7.88 begins with the preface
    /// again on one that is open.
    private func curl(_ agent: AgentProcess, _ path: String, _ body: String) throws -> String {
        var launch = Launch("/usr/bin/curl")
        launch.arguments = [
            "--http2-prior-knowledge", "--silent", "--show-error", "--unix-socket", agent.socketPath, "--data-binary",
            "@-", "http://x\(path)",
        ]
        launch.environment = Keyside.baseEnvironment
        let outcome = try launch.run(input: body)
        #expect(outcome.status == .exited(0), "\(outcome.error)")
        return outcome.output
    }
}
