// SPDX-License-Identifier: Apache-2.0

import HTTPMessages
import Synchronization

/// Names the requests of one connection, as no other request of any agent is named.
struct RequestIDGenerator {
    private let process: UInt64
    private let connection: Int
    private var count = 0

    init(process: UInt64, connection: Int) {
        self.process = process
        self.connection = connection
    }

    /// The name of the connection's next request, which is the one that the client offers if it does.
    mutating func next(offered: [UInt8]?) -> RequestID {
        self.count += 1
        return offered.map(RequestID.offered)
            ?? .numbered(process: self.process, connection: self.connection, request: self.count)
    }
}

/// The namings of a server's connections.
final class RequestIDGenerators: Sendable {
    private let process: UInt64
    private let last = Atomic<Int>(0)

    init(process: UInt64 = .random(in: .min ... .max)) { self.process = process }

    func next() -> RequestIDGenerator {
        RequestIDGenerator(process: self.process, connection: self.last.wrappingAdd(1, ordering: .relaxed).newValue)
    }
}
