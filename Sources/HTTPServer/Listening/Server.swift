// SPDX-License-Identifier: Apache-2.0

package import Linux
package import LockedMemory
package import Logging

/// Serves the fronts of any number of listening sockets, on threads of its own.
package final class Server: Sendable {
    let loops: [LoopInbox]
    private let threads: [DedicatedThread]

    /// Takes connections from `listeners`, whose sockets listen already.
    ///
    /// - Parameters:
    ///   - observer: is told of each request.
    ///   - threadCount: at least one. The first one accepts for all.
    /// - Throws: when there are too few descriptors or threads.
    package init(
        listeners: [Listener], observer: any RequestObserver, limits: ServerLimits,
        memory: SecretMemory, threadCount: Int, logger: Logger
    ) throws(SystemError) {
        precondition(threadCount > 0 && listeners.count <= Acceptor.tokens.count)
        // A loop knows unauthenticated connections by a number that one listener gives them.
        precondition(listeners.count { $0.tls != nil } <= 1, "one listener of TLS at most")
        var loops: [LoopInbox] = []
        for _ in 0..<threadCount { loops.append(try LoopInbox()) }
        for (index, listener) in listeners.enumerated() {
            try Acceptor.prepare(listener, index: index, on: loops[0].events)
        }
        let context = ServerLoop.ServerContext(
            observer: observer, limits: limits, memory: memory, logger: logger)
        self.loops = loops
        var threads: [DedicatedThread] = []
        for (index, inbox) in loops.enumerated() {
            threads.append(
                try DedicatedThread(name: "keyside-serve-\(index)") { [loops] in
                    var loop = ServerLoop(
                        context, inbox: inbox, listeners: index == 0 ? listeners : [], loops: loops)
                    loop.run()
                })
        }
        self.threads = threads
    }

    /// Accepts on another socket, which listens already, in place of the one of a listener. Open connections stay open.
    ///
    /// - Parameter listener: its position among those that the server was made with.
    package func replaceSocket(ofListener listener: Int, with socket: consuming Descriptor) {
        let number = socket.relinquish()
        guard self.loops[0].post(.replaceSocket(number, listener: listener)) else {
            _ = Descriptor(owning: number)
            return
        }
    }

    /// To be called when the fronts may know other clients than before: their open connections then count accordingly.
    package func policiesHaveChanged() async {
        for loop in self.loops { loop.post(.recognizeClients) }
        // Clients that become known must not be dropped for those that are not any more.
        for loop in self.loops { await loop.turn() }
        for loop in self.loops { loop.post(.forgetClients) }
    }

    /// Takes no new connections, lets the open ones finish what they have, and closes what is left after `timeout`.
    ///
    /// - Parameter begun: called when every connection knows: whatever comes in from then on is answered with
    ///   `HTTP1Connection: close`.
    /// - Returns: how many connections had to be cut off.
    package func drain(within timeout: Interval, begun: () -> Void = {}) async -> Int {
        let deadline = Instant.now() + timeout
        self.loops[0].post(.stopAccepting)
        await self.loops[0].turn()  // So that others get what it has taken before they get what follows.
        for loop in self.loops { loop.post(.drain) }
        for loop in self.loops { await loop.turn() }
        begun()
        var cutOffCount = 0
        for loop in self.loops { cutOffCount += await loop.end(by: deadline) }
        return cutOffCount
    }

    /// Closes every connection at once. A drain under way then ends.
    package func cutOff() { for loop in self.loops { loop.post(.cutOff) } }

    /// Ends the threads, and with them all that is open. Nothing can be asked of the server afterwards.
    package func stop() {
        for loop in self.loops { loop.post(.stop) }
        for thread in self.threads { thread.join() }
    }
}

extension LoopInbox {
    /// Returns when everything posted before has been done.
    func turn() async {
        await withCheckedContinuation { continuation in self.post(.call { continuation.resume() }) }
    }

    func end(by deadline: Instant) async -> Int {
        await withCheckedContinuation { continuation in
            self.post(.awaitEnd(deadline: deadline) { continuation.resume(returning: $0) })
        }
    }
}
