// SPDX-License-Identifier: Apache-2.0

import CCurl
import Linux
import LockedMemory
import Synchronization

/// The loop of the engine's thread: execute commands, call libcurl when a timer or socket is due, sleep; until it is
/// stopped.
final class EngineLoop {
    private let inbox: EngineInbox
    private let options: TransferEngine.Options
    private let memory: SecretMemory
    private let turnCount: TurnCount
    private let poller: Poller
    private let completed = CompletedTransfers()
    /// Pools in use, and those that were retired and still have transfers.
    private var pools: [PoolTraffic] = []
    /// Pools created so far.
    private var trafficCount: UInt32 = 0
    private var batch: [EngineInbox.Command] = []
    /// The continuations to resume after the end. Nil until a stop is requested.
    private var stopping: [CheckedContinuation<Void, Never>]?

    init(
        inbox: EngineInbox, options: TransferEngine.Options, memory: SecretMemory, turnCount: TurnCount
    ) throws(CurlSetupError) {
        self.inbox = inbox
        self.options = options
        self.memory = memory
        self.turnCount = turnCount
        self.poller = try Poller()
        // Edge-triggered: each signal wakes the thread once, so the eventfd is never read.
        self.poller.watch(
            Poller.Tag(pool: 0, descriptor: inbox.wakeUp), for: Poller.readable | Poller.onEdge, isNew: true)
    }

    /// - Returns: the continuations to resume after the loop was released.
    func run() -> [CheckedContinuation<Void, Never>] {
        unsafe keyside_curl_name_thread("transfers")
        while true {
            self.turnCount.value.add(1, ordering: .relaxed)
            self.executeCommands()
            if self.stopping != nil { break }
            let now = ContinuousClock.now
            for pool in self.pools { pool.wake(at: now) }
            self.closeDrained()
            self.completed.announce()
            self.sleep()
            self.completed.announce()
        }
        self.close()
        return self.stopping ?? []
    }

    // MARK: Orders

    private func executeCommands() {
        self.inbox.take(into: &self.batch)
        for command in self.batch { self.execute(command) }
        self.batch.removeAll(keepingCapacity: true)
    }

    private func execute(_ command: EngineInbox.Command) {
        switch command {
        case .start(let pending, let record):
            do throws(TransferFailure) {
                if pending.isCancelled { throw TransferFailure(.cancelled, requestWasSent: false) }
                if record.isRetired.load(ordering: .relaxed) { throw TransferFailure(.retired, requestWasSent: false) }
                let sharing = PoolTraffic.Sharing(pending.transfer, self.options)
                try self.pool(record, sharing).start(pending)
            } catch {
                self.completed.end(pending, .failure(error))
            }
        case .cancel(let pending, let record):
            for pool in self.pools where pool.record === record { pool.cancel(pending) }
        case .retire:
            break  // The record says so; that it is looked at in this turn is all that was wanted.
        case .stop(let waiter):
            self.stopping = (self.stopping ?? []) + (waiter.map { [$0] } ?? [])
        }
    }

    private func pool(_ record: PoolState, _ sharing: PoolTraffic.Sharing) throws(TransferFailure) -> PoolTraffic {
        if let pool = self.pools.first(where: { $0.record === record && $0.sharing == sharing }) { return pool }
        self.trafficCount &+= 1
        let pool = try PoolTraffic(
            record, sharing, number: self.trafficCount, poller: self.poller, completed: self.completed,
            options: self.options, memory: self.memory)
        self.pools.append(pool)
        return pool
    }

    // MARK: Sleep

    /// Sleeps until an event, and dispatches it.
    private func sleep() {
        let timeout = self.inbox.fallAsleep() ? self.millisecondsToSleep : 0
        self.poller.sleep(milliseconds: timeout) { tag, events in
            self.pools.first { $0.number == tag.pool }?.act(on: tag.descriptor, events: events)
        }
        for pool in self.pools { pool.settle() }
    }

    /// -1: no limit. Rounded up: woken too early, libcurl would have nothing to do yet.
    private var millisecondsToSleep: CInt {
        guard let wakeAt = self.pools.lazy.compactMap(\.wakeAt).min() else { return -1 }
        let left = wakeAt - .now
        guard left > .zero else { return 0 }
        return CInt(clamping: (left.nanoseconds + 999_999) / 1_000_000)
    }

    // MARK: End

    private func closeDrained() {
        for pool in self.pools where pool.isDrained { pool.close() }
        self.pools.removeAll(where: \.isDrained)
    }

    private func close() {
        for pool in self.pools { pool.close() }
        self.pools = []
        self.inbox.close(into: &self.batch)
        for command in self.batch {
            switch command {
            case .start(let pending, _):
                self.completed.end(pending, .failure(TransferFailure(.stopped, requestWasSent: false)))
            case .cancel, .retire: break
            case .stop: self.execute(command)
            }
        }
        self.completed.announce()
    }
}
