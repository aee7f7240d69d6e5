// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Carries a value that cannot be copied through a closure or a task group, which can hold only what can be.
package final class SingleUseBox<Value: ~Copyable & Sendable>: Sendable {
    private let value: Mutex<Value?>

    package init(_ value: consuming Value) { self.value = Mutex(value) }

    /// The value, once.
    package func take() -> Value? { self.value.withLock { $0.take() } }
}
