// SPDX-License-Identifier: Apache-2.0

public import Synchronization

/// One task's wait for a word. The first one counts, whether it comes before the task waits or after.
public final class Waiter<Word: Sendable>: Sendable {
    @usableFromInline
    enum State {
        case quiet
        case waiting(CheckedContinuation<Word, Never>)
        case told(Word)
    }

    @usableFromInline let state = Mutex(State.quiet)

    /// Nothing has been said.
    @inlinable public init() {}

    /// Waits. To be called once.
    ///
    /// - Parameter word: what a cancellation of the task says.
    @inlinable
    public func wait(ifCancelled word: Word) async -> Word {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let told: Word? = self.state.withLock { state in
                    if case .told(let word) = state { return word }
                    state = .waiting(continuation)
                    return nil
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
        let before = self.state.withLock { state in
            defer { if case .told = state {} else { state = .told(word) } }
            return state
        }
        switch before {
        case .quiet:
            return true
        case .waiting(let continuation):
            continuation.resume(returning: word)
            return true
        case .told:
            return false
        }
    }
}

extension Waiter: Equatable {
    /// Whether it is the same wait.
    public static func == (left: Waiter, right: Waiter) -> Bool { left === right }
}
