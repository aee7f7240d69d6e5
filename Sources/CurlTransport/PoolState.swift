// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Synchronization

/// The state that a pool shares between its callers and the engine's thread.
final class PoolState: Sendable {
    let tls: ClientTLS
    let isRetired = Atomic(false)
    let openConnections = Atomic(0)
    let connectionsOpened = Atomic(0)
    let transfersInFlight = Atomic(0)

    init(tls: ClientTLS) { self.tls = tls }

    func socketWasOpened() {
        self.openConnections.add(1, ordering: .relaxed)
        self.connectionsOpened.add(1, ordering: .relaxed)
    }

    func socketWasClosed() { self.openConnections.subtract(1, ordering: .relaxed) }
}
