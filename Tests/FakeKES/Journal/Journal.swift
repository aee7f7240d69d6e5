// SPDX-License-Identifier: Apache-2.0

import KESProtocol
package import KeyService
import NIOCore
import Synchronization
import TestSupport

/// What the server has seen, for tests to ask and to wait for.
package final class Journal: Sendable {
    /// The state of things at a moment.
    package struct Snapshot: Sendable {
        /// Those that have shaken hands, in the order of their coming. Of the closed ones the last ten thousand.
        package let connections: [ConnectionReport]
        /// Connections of any kind, also those that still shake hands, or never will.
        package let socketCount: Int
        /// Requests that have come in whole, whatever became of them.
        package let requestCounts: [Operation: Int]
        /// Answers that wait for their release.
        package let heldCount: Int

        package var openConnections: [ConnectionReport] { self.connections.filter(\.isOpen) }

        package var requestCount: Int { self.requestCounts.values.reduce(0, +) }
    }

    private struct OneShot: Sendable {
        let condition: @Sendable (Snapshot) -> Bool
        let promise: EventLoopPromise<Void>
    }

    private struct State {
        var lastConnection = 0
        var lastTicket = 0
        var open: [Int: ConnectionRecord] = [:]
        var closed: [ConnectionReport] = []
        var socketCount = 0
        var requestCounts = [Int](repeating: 0, count: Operation.allCases.count)
        var held: [Int: @Sendable () -> Void] = [:]
        var waiters: [Int: OneShot] = [:]

        /// A name for what is to be found again.
        mutating func nextTicket() -> Int {
            self.lastTicket += 1
            return self.lastTicket
        }

        var snapshot: Snapshot {
            Snapshot(
                connections: (self.closed + self.open.values.map { $0.report(isOpen: true) })
                    .sorted { $0.number < $1.number },
                socketCount: self.socketCount,
                requestCounts: [Operation: Int](
                    uniqueKeysWithValues: Operation.allCases.map { ($0, self.requestCounts[$0.rawValue]) }),
                heldCount: self.held.count)
        }
    }

    private static let closedCountMax = 10_000

    private let state = Mutex(State())

    package var snapshot: Snapshot { self.state.withLock { $0.snapshot } }

    /// Waits until `condition` holds, looking whenever something happens.
    ///
    /// - Throws: `.timedOut` after a minute.
    func wait(
        for event: String, on eventLoop: any EventLoop, _ condition: @escaping @Sendable (Snapshot) -> Bool
    ) async throws {
        let promise = eventLoop.makePromise(of: Void.self)
        let ticket = self.state.withLock { state in
            let ticket = state.nextTicket()
            state.waiters[ticket] = OneShot(condition: condition, promise: promise)
            return ticket
        }
        let deadline = eventLoop.scheduleTask(in: .seconds(180)) {
            promise.fail(TestFailure.timedOut(waitingFor: event))
        }
        defer {
            deadline.cancel()
            self.state.withLock { _ = $0.waiters.removeValue(forKey: ticket) }
        }
        self.change { _ in }
        try await promise.futureResult.get()
    }

    /// Changes the state and tells whoever waits for what it has become.
    @discardableResult
    private func change<Result>(_ body: (inout State) -> Result) -> Result {
        let (result, satisfied) = self.state.withLock { state in
            let result = body(&state)
            guard !state.waiters.isEmpty else { return (result, [OneShot]()) }
            let snapshot = state.snapshot
            return (result, state.waiters.values.filter { $0.condition(snapshot) })
        }
        for waiter in satisfied { waiter.promise.succeed() }
        return result
    }

    // MARK: What happens

    /// - Returns: how many there are now.
    func socketOpened() -> Int {
        self.change { state in
            state.socketCount += 1
            return state.socketCount
        }
    }

    func socketClosed() { self.change { $0.socketCount -= 1 } }

    func connectionOpened(_ make: (Int) -> ConnectionRecord) -> ConnectionRecord {
        let (number, record) = self.change { state in
            state.lastConnection += 1
            let record = make(state.lastConnection)
            state.open[state.lastConnection] = record
            return (state.lastConnection, record)
        }
        record.channel.closeFuture.whenComplete { _ in self.connectionClosed(number) }
        return record
    }

    private func connectionClosed(_ number: Int) {
        self.change { state in
            guard let record = state.open.removeValue(forKey: number) else { return }
            if state.closed.count >= Self.closedCountMax { state.closed.removeFirst(Self.closedCountMax / 2) }
            state.closed.append(record.report(isOpen: false))
        }
    }

    func requestCame(at endpoint: Operation, on connection: ConnectionRecord) {
        connection.countRequest()
        self.change { $0.requestCounts[endpoint.rawValue] += 1 }
    }

    /// Keeps an answer until ``release()``.
    ///
    /// - Returns: what to say to ``forget(_:)`` if it is not wanted any more.
    func hold(_ answer: @escaping @Sendable () -> Void) -> Int {
        self.change { state in
            let ticket = state.nextTicket()
            state.held[ticket] = answer
            return ticket
        }
    }

    func forget(_ ticket: Int) { self.change { _ = $0.held.removeValue(forKey: ticket) } }

    func release() {
        let held = self.change { state in
            defer { state.held = [:] }
            return state.held
        }
        for (_, answer) in held.sorted(by: { $0.key < $1.key }) { answer() }
    }

    var channels: [any Channel] { self.state.withLock { $0.open.values.map(\.channel) } }
}
