// SPDX-License-Identifier: Apache-2.0

import CLinux
import Synchronization

/// Refuses chosen allocations of a ``SecretMemory``, so that tests can see what follows a lack of memory.
///
/// It counts the blocks that C libraries ask for: new ones, and those that have to grow or to move. The first one after
/// ``begin(refusing:)`` has the number 1. ``Secret`` and the small ``TransitBuffer`` allocate past it.
package final class AllocationFaults: Sendable {
    /// Where a block comes from.
    package enum Source: Hashable, Sendable {
        /// ``SecretMemory/allocate(_:from:)``, the ordinary memory included that serves what exceeds the share.
        case share(MemoryShare)
        /// ``SecretMemory/allocateOrdinary(_:)``.
        case ordinary
    }

    private struct State {
        var refused: Range<Int>?
        var count = 0
        var refusals = 0
    }

    private let sources: Set<Source>
    private let threadName: String?
    private let isActive = Atomic(false)
    private let state = Mutex(State())

    /// - Parameters:
    ///   - sources: the blocks of other sources are neither counted nor refused.
    ///   - threadName: the same for other threads than those of this name; nil for all threads.
    package init(of sources: Set<Source>, onThreadsNamed threadName: String? = nil) {
        self.sources = sources
        self.threadName = threadName
    }

    /// Counts anew from now on, and refuses the blocks with these numbers: `3..<4` for the third one alone,
    /// `3..<Int.max` for every one from the third on.
    package func begin(refusing numbers: Range<Int>) {
        self.state.withLock { $0 = State(refused: numbers) }
        self.isActive.store(true, ordering: .relaxed)
    }

    /// Neither counts nor refuses from now on.
    ///
    /// - Returns: the blocks since ``begin(refusing:)``, and how many of them were refused.
    @discardableResult package func end() -> (count: Int, refusals: Int) {
        self.isActive.store(false, ordering: .relaxed)
        return self.state.withLock { state in
            defer { state = State() }
            return (state.count, state.refusals)
        }
    }

    /// Counts a block that the calling thread asks for.
    ///
    /// - Returns: whether to refuse it.
    func refuse(_ source: Source) -> Bool {
        guard self.isActive.load(ordering: .relaxed), self.sources.contains(source) else { return false }
        if let threadName = self.threadName, threadName != Self.currentThreadName { return false }
        return self.state.withLock { state in
            guard let refused = state.refused else { return false }
            state.count += 1
            guard refused.contains(state.count) else { return false }
            state.refusals += 1
            return true
        }
    }

    private static var currentThreadName: String {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16) { name in
            guard let start = name.baseAddress else { return "" }
            unsafe keyside_get_thread_name(start)
            return unsafe String(cString: start)
        }
    }
}
