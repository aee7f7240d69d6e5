// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// The same for the TLS listener, by both versions of HTTP.
@Suite(.enabled(if: Account.isRoot, "needs root to read the memory of a process that cannot be dumped"))
struct TLSMemoryTests {
    @Test(arguments: CurlCommand.HTTPVersion.allCases)
    func nothingIsLeftOfKeysThatWentByTLS(version: CurlCommand.HTTPVersion) throws {
        let key = [UInt8].random(32)
        let files = try TLSFiles()
        try files.withAgent {
            $0.environment["MINIO_KMS_SECRET_KEY"] = "scan-key:\(key.base64)"
        } body: { agent in
            var secrets = [KnownSecret("the static key", key)]
            for index in 0..<20 {
                let made = try agent.ask("/v1/key/generate/scan-key", "{}", version, as: files.client)
                let dataKey = try #require(made.bytes("plaintext"))
                let ciphertext = try #require(made.bytes("ciphertext")).base64
                let opened = try agent.ask(
                    "/v1/key/decrypt/scan-key", "{\"ciphertext\":\"\(ciphertext)\"}", version, as: files.client)
                #expect(opened.bytes("plaintext") == dataKey)
                secrets.append(KnownSecret("data key \(index)", dataKey))
            }
            // A static key neither encrypts nor imports; the requests with their plaintext come all the same.
            for path in ["/v1/key/encrypt/scan-key", "/v1/key/import/scan-key"] {
                let plaintext = [UInt8].random(3000)
                let member = path.contains("import") ? "bytes" : "plaintext"
                _ = try agent.ask(path, "{\"\(member)\":\"\(plaintext.base64)\"}", version, as: files.client)
                secrets.append(KnownSecret("a plaintext to \(path)", plaintext))
            }
            try expectNothing(in: agent.agent, try MemoryScanner(for: secrets), "after requests by TLS")
        }
    }
}
