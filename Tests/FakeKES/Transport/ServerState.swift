// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

/// What all connections of a server share.
final class ServerState: Sendable {
    let responder: KESResponder
    let tls: ServerTLS
    let faults = FaultPlan()
    let journal = Journal()
    let sockets = SocketRegistry()
    private let currentDoor: Mutex<ConnectionFaults>

    init(responder: KESResponder, tls: ServerTLS, connectionFaults: ConnectionFaults) {
        self.responder = responder
        self.tls = tls
        self.currentDoor = Mutex(connectionFaults)
    }

    var connectionFaults: ConnectionFaults {
        get { self.currentDoor.withLock { $0 } }
        set { self.currentDoor.withLock { $0 = newValue } }
    }
}

/// Every connection there is, also those that never shake hands.
final class SocketRegistry: Sendable {
    private let channels = Mutex<[ObjectIdentifier: any Channel]>([:])

    func add(_ channel: any Channel) {
        let key = ObjectIdentifier(channel)
        self.channels.withLock { $0[key] = channel }
        channel.closeFuture.whenComplete { _ in self.channels.withLock { _ = $0.removeValue(forKey: key) } }
    }

    var all: [any Channel] { self.channels.withLock { Array($0.values) } }
}
