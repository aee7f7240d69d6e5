// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// A client that can connect to the TLS listener and has no certificate.
@Suite struct UnknownClientAttackTests {
    @Test("gets no data key", arguments: Way.tls)
    func getsNoDataKey(by way: Way) throws {
        let files = try TLSFiles()
        try files.withAgent { agent in
            let answer = try agent.connect(by: way).ask(.generate())
            #expect(answer.status == 400)
            #expect(answer.text.contains("client certificate is required"))
        }
    }
}
