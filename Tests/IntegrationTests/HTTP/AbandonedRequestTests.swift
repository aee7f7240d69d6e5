// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// Clients that go away in the middle: an everyday matter, not worth a line in the log, and nothing of them stays.
@Suite struct AbandonedRequestTests {
    @Test(arguments: Way.http11) func whereverAClientGoesNothingIsLoggedAndNothingLeaks(way: Way) throws {
        let files = try TLSFiles()
        try files.withAgent { listening in
            let agent = listening.agent
            let observer = try agent.connect()
            let bytes = HTTPRequest.decrypt(ciphertext: Vector.binary, context: Vector.context).bytes
            let headByteCount = bytes.count - 170
            _ = try observer.ask(.generate())
            let log = try agent.log
            let memory = try observer.ask(.get("/v1/status")).json["keyside"]["memory"]
            #expect(memory["slots_in_use"].integer != nil)

            for byteCount in [
                0, 1, 20, headByteCount - 2, headByteCount, headByteCount + 1, bytes.count - 1, bytes.count,
            ] {
                for _ in 0..<20 {
                    let connection = try listening.connectRaw(by: way, as: files.client)
                    try connection.send(Array(bytes.prefix(byteCount)))
                }
            }
            for _ in 0..<20 {
                let connection = try listening.connectRaw(by: way, as: files.client)
                try connection.send((0..<50).flatMap { _ in bytes + HTTPRequest.get("/v1/status").bytes })
            }
            try agent.wait(forConnections: 1, askingOn: observer)
            try listening.wait(forConnections: 0)
            #expect(try observer.ask(.get("/v1/status")).json["keyside"]["memory"] == memory)
            #expect(try agent.log == log)
        }
    }
}
