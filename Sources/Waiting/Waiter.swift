// SPDX-License-Identifier: Apache-2.0

public import Synchronization

/// One task's wait for a word. The first one counts, whether it comes before the task waits or after.
public final class Waiter<Word: Sendable>: Sendable {
    @usableFromInline
    struct State: Sendable {
        @usableFromInline var isTold = false
        /// What was said before anybody waited for it.
        @usableFromInline var word: Word?
        @usableFromInline var continuation: CheckedContinuation<Word, Never>?

        @inlinable init() {}
    }

    @usableFromInline let state: Mutex<State>

    /// Nothing has been said.
    @inlinable public init() { self.state = Mutex(State()) }

    @inlinable deinit {}

    /// Waits. To be called once.
    ///
    /// - Parameter word: what a cancellation of the task says.
    @inlinable
    public func wait(ifCancelled word: Word) async -> Word {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let told = self.state.withLock { state in
                    if !state.isTold { state.continuation = continuation }
                    return state.word.take()
                }
                if let told { continuation.resume(returning: told) }
            }
        } onCancel: {
            self.tell(word)
        }
    }

    /// - Returns: false if a word has come before.
    @inlinable
    @discardableResult public func tell(_ word: Word) -> Bool {
        let (isFirst, continuation) = self.state.withLock { state in
            guard !state.isTold else { return (false, CheckedContinuation<Word, Never>?.none) }
            state.isTold = true
            let continuation = state.continuation.take()
            if continuation == nil { state.word = word }
            return (true, continuation)
        }
        continuation?.resume(returning: word)
        return isFirst
    }
}

extension Waiter: Equatable {
    /// Whether it is the same wait.
    public static func == (left: Waiter, right: Waiter) -> Bool { left === right }
}
