// SPDX-License-Identifier: Apache-2.0

/// What a request is called in logs and in the `X-Request-Id` of its answer: the client's own name for it, or one that
/// no other request of any agent has. 1 to 64 visible ASCII characters.
struct RequestID: Equatable, Sendable, CustomStringConvertible {
    let bytes: [UInt8]

    var description: String { String(decoding: self.bytes, as: UTF8.self) }
}

/// Names the requests of one connection: `<16 hex digits of the process>-<connection>-<request>`.
struct RequestNaming {
    private let prefix: [UInt8]
    private var count = 0

    init(process: String, connection: Int) {
        self.prefix = Array("\(process)-\(connection)-".utf8)
    }

    /// The name of the connection's next request, which is the one that the client offers if it does.
    mutating func next(offered: [UInt8]?) -> RequestID {
        self.count += 1
        if let offered { return RequestID(bytes: offered) }
        var bytes = self.prefix
        bytes.append(contentsOf: String(self.count).utf8)
        return RequestID(bytes: bytes)
    }
}
