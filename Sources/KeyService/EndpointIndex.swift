// SPDX-License-Identifier: Apache-2.0

/// Which endpoint of a backend gave an answer: its position in ``BackendStatus/endpoints``.
package struct EndpointIndex: Hashable, Sendable {
    /// From 0, in the configured order.
    package let value: UInt16

    package init(_ value: UInt16) { self.value = value }
}
