// SPDX-License-Identifier: Apache-2.0

public import Synchronization

/// A value that one task awaits. The first resolution counts, before or after the task waits.
public final class OneShot<Value: Sendable>: Sendable {
    @usableFromInline
    struct State: Sendable {
        @usableFromInline var isResolved = false
        /// The value, if it was resolved before the wait.
        @usableFromInline var value: Value?
        @usableFromInline var continuation: CheckedContinuation<Value, Never>?

        @inlinable init() {}
    }

    @usableFromInline let state: Mutex<State>

    /// Not resolved.
    @inlinable public init() { self.state = Mutex(State()) }

    @inlinable deinit {}

    /// Waits for the value. Call once.
    ///
    /// - Parameter value: the result if the task is cancelled.
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

    /// - Returns: false if it was resolved before.
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
    /// Identity.
    public static func == (left: OneShot, right: OneShot) -> Bool { left === right }
}
