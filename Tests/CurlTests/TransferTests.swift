// SPDX-License-Identifier: Apache-2.0

import Curl
import LockedMemory
import Testing

@Suite struct TransferTests {
    @Test(arguments: [TransferEngine.HTTPVersion.auto, .http11, .http2])
    func anAnswerComesWhole(over version: TransferEngine.HTTPVersion) async throws {
        let server = try TestServer(protocols: ["h2", "http/1.1"])
        defer { server.stop() }
        try await withPool(TransferEngine.Options(httpVersion: version)) { pool in
            let answer = try await pool.perform(
                Transfer(
                    .get, server.endpoint, "/v1/status", answerByteCountMax: 100, deadline: .now + .seconds(30),
                    isRepeatable: true))
            #expect(answer.status == 200)
            #expect(answer.httpVersion == (version == .http2 ? .http2 : .http1))
            #expect(answer.text == (version == .http2 ? "stream 1" : "/v1/status"))
        }
    }
}
