// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The memory for unread input that all unknown clients may hold together. Known clients and those of the Unix socket do
/// not count, so that strangers cannot take memory from them. See ``Peer/isKnown``.
final class UnauthenticatedInputLimit: Sendable {
    private let byteCountMax: Int
    private let held = Atomic(0)

    init(byteCountMax: Int) { self.byteCountMax = byteCountMax }

    var heldByteCount: Int { self.held.load(ordering: .relaxed) }

    /// - Returns: false, and takes nothing, where that would be too much.
    fileprivate func take(_ byteCount: Int) -> Bool {
        guard self.held.wrappingAdd(byteCount, ordering: .relaxed).newValue <= self.byteCountMax else {
            self.giveBack(byteCount)
            return false
        }
        return true
    }

    fileprivate func giveBack(_ byteCount: Int) { self.held.wrappingSubtract(byteCount, ordering: .relaxed) }
}

/// What one connection holds of the ``UnauthenticatedInputLimit``; given back at its end.
struct UnauthenticatedInputUsage: ~Copyable {
    private let memory: UnauthenticatedInputLimit
    private var byteCount = 0

    init(of memory: UnauthenticatedInputLimit) { self.memory = memory }

    deinit { self.memory.giveBack(self.byteCount) }

    /// Says how much the connection holds now.
    ///
    /// - Returns: false where all strangers together hold too much. The connection has to give up what it holds.
    mutating func hold(_ byteCount: Int) -> Bool {
        if byteCount > self.byteCount {
            guard self.memory.take(byteCount - self.byteCount) else { return false }
        } else {
            self.memory.giveBack(self.byteCount - byteCount)
        }
        self.byteCount = byteCount
        return true
    }
}
