// SPDX-License-Identifier: Apache-2.0

import HTTPWire

/// Names the requests of one connection: `<16 hex digits of the process>-<connection>-<request>`, which no other request
/// of any agent has.
struct RequestNaming {
    private let prefix: [UInt8]
    private var count = 0

    init(process: String, connection: Int) {
        self.prefix = Array("\(process)-\(connection)-".utf8)
    }

    /// The name of the connection's next request, which is the one that the client offers if it does.
    mutating func next(offered: [UInt8]?) -> RequestID {
        self.count += 1
        return offered.map(RequestID.offered) ?? .numbered(prefix: self.prefix, self.count)
    }
}
