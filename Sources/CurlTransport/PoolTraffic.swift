// SPDX-License-Identifier: Apache-2.0

import CCurl
import Linux
import LockedMemory
import Synchronization

/// The transfers of one pool, or of the part of it with the same kind of connections: those in flight, those waiting,
/// and their completion. Owned by the engine's thread.
///
/// Every transfer that is started is completed once: by libcurl, by its deadline, by its caller, or by ``close()``.
final class PoolTraffic {
    typealias Instant = ContinuousClock.Instant

    /// How many transfers a connection carries concurrently.
    enum Sharing {
        /// HTTP/1.1.
        case oneByOne
        /// HTTP/2.
        case multiplexed
    }

    let record: PoolState
    let sharing: Sharing
    /// Identifies its sockets; never reused.
    let number: UInt32
    /// Nil once it was of no use any more, until the next flight needs one.
    private var multi: MultiHandle?
    private let poller: Poller
    private let completed: CompletedTransfers
    private let options: TransferEngine.Options
    private let memory: SecretMemory
    private let busyConnections = BusyConnections()
    private var queues: [EndpointQueue] = []
    /// At most as many as transfers were in flight at the same time.
    private var handles: [TransferHandle] = []
    private var idleHandles: [TransferHandle] = []
    private var flightCount = 0
    /// A lower bound of all deadlines. Updated when it is reached, not when a transfer completes.
    private var earliestDeadline: Instant?
    /// Of the engine's thread, when flights were last looked at for it.
    private var refusalCount = RefusedAllocations.onThisThread

    /// How long a flight may go on that was refused memory.
    private static let lossTimeout = Duration.seconds(1)

    /// - Throws: `.noMemory`.
    init(
        _ record: PoolState, _ sharing: Sharing, number: UInt32, poller: Poller, completed: CompletedTransfers,
        options: TransferEngine.Options, memory: SecretMemory
    ) throws(TransferFailure) {
        self.record = record
        self.sharing = sharing
        self.number = number
        self.poller = poller
        self.completed = completed
        self.multi = try MultiHandle(
            record: record, sharing: sharing, number: number, poller: poller, options: options)
        self.options = options
        self.memory = memory
    }

    // MARK: Orders

    func start(_ pending: PendingTransfer) {
        self.flightCount += 1
        self.record.transfersInFlight.add(1, ordering: .relaxed)
        let deadline = pending.transfer.deadline
        self.earliestDeadline = min(self.earliestDeadline ?? deadline, deadline)
        let queue = self.queue(to: pending.transfer.endpoint)
        queue.append(pending)
        self.admit(from: queue)
    }

    /// Does nothing if the transfer is complete.
    func cancel(_ pending: PendingTransfer) {
        self.end({ $0 === pending }) { TransferFailure(.cancelled, requestWasSent: $0) }
        self.settle()
    }

    /// Whether the pool was retired and has no transfers left.
    var isDrained: Bool { self.flightCount == 0 && self.record.isRetired.load(ordering: .relaxed) }

    /// Completes all transfers and closes all connections. The object must not be used afterwards.
    func close() {
        self.end({ _ in true }) { TransferFailure(.stopped, requestWasSent: $0) }
        self.closeConnections()
    }

    private func closeConnections() {
        self.multi?.close()
        self.multi = nil
        self.handles = []
        self.idleHandles = []
    }

    /// Ends what is under way, and closes all connections. Those who wait for their turn get new ones.
    private func abandonConnections() {
        self.endForLackOfMemory { _, _ in true }
        self.closeConnections()
    }

    private func endForLackOfMemory(where isMeant: (TransferHandle, TransferHandle.Assignment) -> Bool) {
        for handle in self.handles {
            guard let load = handle.load, isMeant(handle, load) else { continue }
            let failure = TransferFailure(.noMemory, requestWasSent: handle.easy.requestWasSent)
            self.vacate(handle)
            self.end(load.pending, .failure(failure))
        }
    }

    // MARK: Events

    /// The ``Poller`` has something to report of a socket. To be followed by ``settle()``, once for all reports.
    func act(on socket: CInt, events: UInt32) { self.multi?.call(about: socket, events: events) }

    /// Completes finished transfers and starts waiting ones.
    func settle() {
        while let (handle, code) = self.multi?.nextEnded() { self.complete(handle, code) }
        if self.multi?.isBroken == true { self.abandonConnections() }
        if RefusedAllocations.onThisThread != self.refusalCount { self.limitWaits() }
        for queue in self.queues { self.admit(from: queue) }
    }

    /// When ``wake(at:)`` is due.
    var wakeAt: Instant? {
        guard let timer = self.multi?.timer, let deadline = self.earliestDeadline else {
            return self.multi?.timer ?? self.earliestDeadline
        }
        return min(timer, deadline)
    }

    /// Runs the timers that are due. Transfers past their deadline are not sent any more.
    func wake(at now: Instant) {
        if let deadline = self.earliestDeadline, deadline <= now {
            self.endForLackOfMemory { handle, load in load.deadline <= now && handle.easy.wasRefusedMemory }
            self.end({ $0.transfer.deadline <= now }) {
                TransferFailure(.timedOut(whileConnecting: !$0), requestWasSent: $0)
            }
            let deadlines = self.queues.flatMap(\.transfers).map { $0.transfer.deadline }
            self.earliestDeadline = (deadlines + self.handles.compactMap { $0.load?.deadline }).min()
            self.settle()
        }
        if let timer = self.multi?.timer, timer <= now {
            self.multi?.callTimer()
            self.settle()
        }
    }

    /// Gives flights on lanes that were refused memory a moment to end: OpenSSL and libcurl may have taken in what such
    /// a flight waits for, and dropped it.
    private func limitWaits() {
        self.refusalCount = RefusedAllocations.onThisThread
        let deadline = Instant.now + Self.lossTimeout
        for handle in self.handles where handle.easy.wasRefusedMemory {
            guard let load = handle.load, deadline < load.deadline else { continue }
            handle.load?.deadline = deadline
            self.earliestDeadline = min(self.earliestDeadline ?? deadline, deadline)
        }
    }

    // MARK: Flights

    private func queue(to endpoint: String) -> EndpointQueue {
        if let queue = self.queues.first(where: { $0.endpoint == endpoint }) { return queue }
        let queue = EndpointQueue(
            endpoint: endpoint, sharing: self.sharing, requestCountMax: self.options.requestCountMax)
        self.queues.append(queue)
        return queue
    }

    private func admit(from queue: EndpointQueue) {
        while let pending = queue.next() {
            do throws(TransferFailure) {
                try self.takeOff(pending, from: queue)
            } catch {
                self.end(pending, .failure(error))
            }
        }
    }

    private func takeOff(_ pending: PendingTransfer, from queue: EndpointQueue) throws(TransferFailure) {
        let handle = if let idle = self.idleHandles.popLast() { idle } else { try self.makeHandle() }
        do throws(TransferFailure) {
            // libcurl repeats a request that got no answer on a connection that was used before.
            try self.run(pending, on: handle, needsOwnConnection: !pending.transfer.isRepeatable)
        } catch {
            handle.easy.reset()
            self.idleHandles.append(handle)
            throw error
        }
        handle.load = TransferHandle.Assignment(pending: pending, queue: queue, deadline: pending.transfer.deadline)
        queue.occupy(handle)
    }

    private func run(_ pending: PendingTransfer, on handle: TransferHandle, needsOwnConnection: Bool)
        throws(TransferFailure)
    {
        let connectTimeout = pending.transfer.connectTimeout ?? self.options.connectTimeout
        handle.easy.set(CURLOPT_CONNECTTIMEOUT_MS, to: max(1, connectTimeout.nanoseconds / 1_000_000))
        try handle.easy.begin(pending.transfer, needsOwnConnection: needsOwnConnection)
        guard self.multi?.add(handle) == true else { throw .noMemory }
    }

    private func complete(_ handle: TransferHandle, _ code: CURLcode) {
        guard let load = handle.load else { return }
        do throws(TransferFailure) {
            if handle.easy.wasTurnedAway {
                self.multi?.remove(handle)
                handle.easy.reset()
                return try self.run(load.pending, on: handle, needsOwnConnection: true)
            }
            let answer = try handle.easy.finish(code)
            self.vacate(handle)
            self.end(load.pending, .success(answer))
        } catch {
            self.vacate(handle)
            self.end(load.pending, .failure(error))
            // Waiting transfers would fail in the same way, each after a connect timeout of its own.
            guard error.isOfConnection, !load.queue.isConnected else { return }
            for pending in load.queue.removeWaiting(where: { _ in true }) { self.end(pending, .failure(error)) }
        }
    }

    /// Completes the matching transfers, waiting or in flight.
    ///
    /// - Parameter failure: gets whether the request was sent.
    private func end(_ isMeant: (PendingTransfer) -> Bool, with failure: (Bool) -> TransferFailure) {
        for queue in self.queues {
            for pending in queue.removeWaiting(where: isMeant) { self.end(pending, .failure(failure(false))) }
        }
        for handle in self.handles {
            guard let pending = handle.load?.pending, isMeant(pending) else { continue }
            let requestWasSent = handle.easy.requestWasSent
            self.vacate(handle)
            self.end(pending, .failure(failure(requestWasSent)))
        }
    }

    private func end(_ pending: PendingTransfer, _ outcome: consuming PendingTransfer.Outcome) {
        self.flightCount -= 1
        self.record.transfersInFlight.subtract(1, ordering: .relaxed)
        self.completed.end(pending, outcome)
    }

    // MARK: Handles

    private func makeHandle() throws(TransferFailure) -> TransferHandle {
        let httpVersion =
            switch self.sharing {
            case .oneByOne: Int(CURL_HTTP_VERSION_1_1)
            case .multiplexed: Int(CURL_HTTP_VERSION_2TLS)
            }
        let easy = try EasyHandle(tls: self.record.tls, httpVersion: httpVersion, memory: self.memory)
        // Wait for a connection to share rather than open another one, in case the server allows fewer streams than we
        // do.
        easy.set(CURLOPT_PIPEWAIT, to: self.sharing == .multiplexed ? 1 : 0)
        // A connection that must be exclusive must not be reused either.
        easy.set(CURLOPT_FORBID_REUSE, to: self.sharing == .oneByOne && self.options.httpVersion == .http2 ? 1 : 0)
        // Otherwise the whole engine would wait for an unresponsive resolver when its transfer ends.
        easy.set(CURLOPT_QUICK_EXIT, to: 1)
        easy.set(CURLOPT_MAXAGE_CONN, to: Int(self.options.idleTimeout.components.seconds))
        easy.set(CURLOPT_TCP_KEEPALIVE, to: 1)
        if self.sharing == .multiplexed { easy.busyConnections = self.busyConnections }
        try self.connections().adopt(easy)
        let handle = TransferHandle(easy)
        self.handles.append(handle)
        return handle
    }

    private func connections() throws(TransferFailure) -> MultiHandle {
        if let multi = self.multi { return multi }
        let multi = try MultiHandle(
            record: self.record, sharing: self.sharing, number: self.number, poller: self.poller, options: self.options)
        self.multi = multi
        return multi
    }

    private func vacate(_ handle: TransferHandle) {
        self.multi?.remove(handle)
        handle.easy.reset()
        handle.load?.queue.vacate(handle)
        handle.load = nil
        self.idleHandles.append(handle)
    }
}

extension PoolTraffic.Sharing {
    /// Each kind has connections of its own, because libcurl does not separate them; see ``BusyConnections``.
    init(_ transfer: borrowing Transfer, _ options: TransferEngine.Options) {
        switch options.httpVersion {
        case .auto, .http11: self = .oneByOne
        case .http2: self = transfer.isRepeatable ? .multiplexed : .oneByOne
        }
    }
}
