// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Passes a `~Copyable` value through a closure or task group, which can capture only copyable values.
package final class SingleUseBox<Value: ~Copyable & Sendable>: Sendable {
    private let value: Mutex<Value?>

    package init(_ value: consuming Value) { self.value = Mutex(value) }

    /// The value, the first time; then nil.
    package func take() -> Value? { self.value.withLock { $0.take() } }
}
