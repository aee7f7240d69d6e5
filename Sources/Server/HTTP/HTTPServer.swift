// SPDX-License-Identifier: Apache-2.0

package import Linux
package import LockedMemory
package import Logging

/// Serves one front on one listening socket, on threads of its own.
package final class HTTPServer: Sendable {
    let loops: [LoopInbox]
    private let threads: [OwnThread]

    /// Takes connections from `listener`, which listens already.
    ///
    /// - Parameters:
    ///   - connections: counts them, and says how many there may be.
    ///   - threadCount: at least one. The first one accepts for all.
    /// - Throws: when there are too few descriptors or threads.
    package init(
        listener: consuming Descriptor, front: any Front, limits: ServerLimits, connections: ConnectionCount,
        memory: SecretMemory, threadCount: Int, logger: Logger
    ) throws(SystemError) {
        precondition(threadCount > 0)
        try listener.doNotBlock()
        var loops: [LoopInbox] = []
        for _ in 0..<threadCount { loops.append(try LoopInbox()) }
        try loops[0].events.add(listener, for: .input, token: Acceptor.token)

        let premises = ServerLoop.Premises(
            front: front, limits: limits, connections: connections, namings: RequestNamings(), memory: memory,
            logger: logger)
        let listener = listener.relinquish()
        self.loops = loops
        var threads: [OwnThread] = []
        for (index, inbox) in loops.enumerated() {
            threads.append(
                try OwnThread(name: "keyside-serve-\(index)") { [loops] in
                    let acceptor =
                        index == 0
                        ? Acceptor(
                            listener: Descriptor(owning: listener), loops: loops, connections: connections,
                            logger: logger) : nil
                    var loop = ServerLoop(premises, inbox: inbox, acceptor: acceptor)
                    loop.run()
                })
        }
        self.threads = threads
    }

    /// Takes no new connections, lets the open ones finish what they have, and closes what is left after `timeout`.
    ///
    /// - Parameter begun: called when every connection knows: whatever comes in from then on is answered with
    ///   `Connection: close`.
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
