// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// Clients that begin a handshake and do not go on.
@Suite struct HalfOpenHandshakeTests {
    /// How far they get.
    private enum Beginning: CaseIterable { case nothing, halfAHello, wholeHello }

    @Test func aThousandOfThemAreInNobodysWay() throws {
        try RawConnection.allowThousands()
        let files = try TLSFiles()
        try files.withAgent { agent in
            let hello = try TLSClient(trusting: agent.authority, as: nil).hello()
            let early = try Way.allCases.map { try agent.connect(by: $0, as: files.client) }
            let log = try agent.agent.log
            var idle: [RawConnection] = []
            for index in 0..<1000 {
                let connection = try RawConnection(toPort: agent.port)
                switch Beginning.allCases[index % 3] {
                case .nothing: break
                case .halfAHello: try connection.send(Array(hello.prefix(hello.count / 2)))
                case .wholeHello: try connection.send(hello)
                }
                idle.append(connection)
                guard index % 100 == 99 else { continue }
                for (way, early) in zip(Way.allCases, early) {
                    let late = try agent.connect(by: way, as: files.client)
                    for connection in [early, late] { #expect(try connection.ask(.generate()).isDataKey, "\(way)") }
                }
            }
            idle = []
            try agent.wait(forConnections: Way.tls.count)
            #expect(try agent.agent.log == log, "it is worth no line")
            for early in early { #expect(try early.ask(.generate()).isDataKey) }
        }
    }
}
