// SPDX-License-Identifier: Apache-2.0

/// The unauthenticated connections of a listener, oldest first.
///
/// A TLS connection is unauthenticated from accept(2) until its handshake proves an identity that has a policy or is in
/// `admin.identities`. All operations are O(1), amortised.
struct UnauthenticatedConnections {
    /// Numbers connections in the order of their arrival.
    typealias Serial = UInt64

    /// The event loop of each, by its position among those of the server.
    private var loops: [Serial: Int] = [:]
    private var next: Serial = 0
    /// None that is left has a lower number.
    private var oldest: Serial = 0

    var count: Int { self.loops.count }

    mutating func append(onLoop loop: Int) -> Serial {
        defer { self.next += 1 }
        self.loops[self.next] = loop
        return self.next
    }

    /// - Returns: whether it was there.
    mutating func remove(_ serial: Serial) -> Bool { self.loops.removeValue(forKey: serial) != nil }

    mutating func takeOldest() -> (serial: Serial, loop: Int)? {
        while self.oldest < self.next {
            defer { self.oldest += 1 }
            if let loop = self.loops.removeValue(forKey: self.oldest) { return (self.oldest, loop) }
        }
        return nil
    }
}
