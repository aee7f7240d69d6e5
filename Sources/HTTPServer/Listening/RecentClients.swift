// SPDX-License-Identifier: Apache-2.0

import Primitives

/// Some of the clients that were active last. They keep the buffers that TLS needs for each record: to take and wipe them
/// costs as much as to decipher it. All others give theirs back, so that a thousand idle ones hold no memory.
struct RecentClients {
    typealias ID = SlotMap<ClientConnection>.ID

    private var ids: [ID?]
    /// The place of the one that has been here for longest.
    private var oldest = 0
    private var occasions = 0

    /// Each takes 22 KiB of locked memory; with more, what one costs is hard to notice.
    private static let countMax = 8
    /// Of more clients than there are places, each would have to leave before it comes again, if all were let in.
    private static let occasionsForEach = 16

    /// - Parameter roomFor: for how many there is locked memory.
    init(roomFor count: Int = Self.countMax) {
        self.ids = [ID?](repeating: nil, count: min(Self.countMax, count))
    }

    /// A client is active that is not among them.
    ///
    /// - Returns: whether it is now, and if so, who has left for it, perhaps gone since.
    mutating func meet(_ id: ID) -> (isAdmitted: Bool, former: ID?) {
        self.occasions += 1
        guard !self.ids.isEmpty, self.occasions >= Self.occasionsForEach else { return (false, nil) }
        self.occasions = 0
        let former = self.ids[self.oldest]
        self.ids[self.oldest] = id
        self.oldest = (self.oldest + 1) % self.ids.count
        return (true, former)
    }
}
