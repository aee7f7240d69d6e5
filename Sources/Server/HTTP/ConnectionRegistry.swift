// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

/// The open connections of a server, so that it can tell all of them to finish.
final class ConnectionRegistry: Sendable {
    private let state = Mutex(State())

    private struct State {
        var connections: [ObjectIdentifier: any Channel] = [:]
        var isDraining = false
        var whenEmpty: EventLoopPromise<Void>?
    }

    /// Remembers a connection until it closes.
    func add(_ channel: any Channel) {
        let isDraining = self.state.withLock { state in
            state.connections[ObjectIdentifier(channel)] = channel
            return state.isDraining
        }
        channel.closeFuture.whenComplete { _ in self.remove(channel) }
        if isDraining { channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
    }

    private func remove(_ channel: any Channel) {
        let whenEmpty = self.state.withLock { state in
            state.connections[ObjectIdentifier(channel)] = nil
            return state.connections.isEmpty ? state.whenEmpty.take() : nil
        }
        whenEmpty?.succeed()
    }

    /// Asks every connection to finish what it has.
    ///
    /// - Returns: completes when the last one has closed.
    func drain(on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        let whenEmpty = eventLoop.makePromise(of: Void.self)
        let connections = self.state.withLock { state in
            state.isDraining = true
            if !state.connections.isEmpty { state.whenEmpty = whenEmpty }
            return state.connections.values.map(\.self)
        }
        if connections.isEmpty { whenEmpty.succeed() }
        for connection in connections {
            connection.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        }
        return whenEmpty.futureResult
    }

    /// Closes what is left.
    ///
    /// - Returns: how many connections that were.
    func closeAll() -> Int {
        let connections = self.state.withLock { $0.connections.values.map(\.self) }
        for connection in connections { connection.close(promise: nil) }
        return connections.count
    }
}
