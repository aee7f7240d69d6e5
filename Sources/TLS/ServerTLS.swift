// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The TLS context of a listener. It can be replaced at any time, from any thread: new connections use the new one,
/// open connections keep the old one.
package final class ServerTLS: Sendable {
    private let context: Mutex<TLSContext>

    package init(_ context: TLSContext) { self.context = Mutex(context) }

    /// The context for new connections. Thread-safe.
    package var current: TLSContext { self.context.withLock { $0 } }

    /// Sessions from before are not resumed: their clients make a full handshake.
    package func replace(with context: TLSContext) { self.context.withLock { $0 = context } }
}
