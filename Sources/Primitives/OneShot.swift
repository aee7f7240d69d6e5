// SPDX-License-Identifier: Apache-2.0

public import Synchronization

/// One task's wait for a word. The first one counts, whether it comes before the task waits or after.
public final class OneShot<Value: Sendable>: Sendable {
    @usableFromInline
    struct State: Sendable {
        @usableFromInline var isResolved = false
        /// What was said before anybody waited for it.
        @usableFromInline var value: Value?
        @usableFromInline var continuation: CheckedContinuation<Value, Never>?

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
    public func wait(ifCancelled value: Value) async -> Value {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let resolved = self.state.withLock { state in
                    if !state.isResolved { state.continuation = continuation }
                    return state.value.take()
                }
                if let resolved { continuation.resume(returning: resolved) }
            }
        } onCancel: {
            self.resolve(value)
        }
    }

    /// - Returns: false if a word has come before.
    @inlinable
    @discardableResult public func resolve(_ value: Value) -> Bool {
        let (isFirst, continuation) = self.state.withLock { state in
            guard !state.isResolved else { return (false, CheckedContinuation<Value, Never>?.none) }
            state.isResolved = true
            let continuation = state.continuation.take()
            if continuation == nil { state.value = value }
            return (true, continuation)
        }
        continuation?.resume(returning: value)
        return isFirst
    }
}

extension OneShot: Equatable {
    /// Whether it is the same wait.
    public static func == (left: OneShot, right: OneShot) -> Bool { left === right }
}
