// SPDX-License-Identifier: Apache-2.0

/// The connections of a listener whose client no policy and no list of administrators names, oldest first.
///
/// A TLS connection is one from the moment it is accepted, before its first byte, until its handshake has shown a known
/// identity. All operations take constant time, averaged over the connections accepted.
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
