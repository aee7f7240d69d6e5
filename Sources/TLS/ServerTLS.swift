// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// What the server of a listener shows at present. It can be replaced at any time, from any thread: connections that begin
/// afterwards get the new one, those that are open live on with the old.
package final class ServerTLS: Sendable {
    private let context: Mutex<TLSContext>

    package init(_ context: TLSContext) { self.context = Mutex(context) }

    package var current: TLSContext { self.context.withLock { $0 } }

    /// Sessions that began before are not resumed: their clients make a full handshake.
    package func replace(with context: TLSContext) { self.context.withLock { $0 = context } }
}
