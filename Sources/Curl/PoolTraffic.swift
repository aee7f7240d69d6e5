// SPDX-License-Identifier: Apache-2.0

import CCurl
import Linux
import LockedMemory
import Synchronization

/// What happens on one pool, or on that part of it which shares its connections in the same way: which flights are under
/// way, which wait, and what becomes of them. Belongs to the engine's thread.
///
/// Every flight that is started is ended, once: by libcurl, by its deadline, by its caller, or by ``close()``.
final class PoolTraffic {
    typealias Instant = ContinuousClock.Instant

    /// How many transfers a connection carries at a time.
    enum Sharing {
        /// HTTP/1.1.
        case oneByOne
        /// HTTP/2.
        case multiplexed
    }

    let record: PoolRecord
    let sharing: Sharing
    /// Tells its sockets from those of others; never used again.
    let number: UInt32
    /// Nil once it was of no use any more, until the next flight needs one.
    private var multi: MultiHandle?
    private let poller: Poller
    private let landings: Landings
    private let options: TransferEngine.Options
    private let memory: SecretMemory
    private let busyConnections = BusyConnections()
    private var queues: [EndpointQueue] = []
    /// As many as there were flights under way at a time, at most.
    private var lanes: [Lane] = []
    private var idleLanes: [Lane] = []
    private var flightCount = 0
    /// No flight's deadline is before this. It moves on when it is reached, not when a flight ends.
    private var earliestDeadline: Instant?
    /// Of the engine's thread, when flights were last looked at for it.
    private var refusalCount = RefusedAllocations.onThisThread

    /// How long a flight may go on that was refused memory.
    private static let lossTimeout = Duration.seconds(1)

    /// - Throws: `.noMemory`.
    init(
        _ record: PoolRecord, _ sharing: Sharing, number: UInt32, poller: Poller, landings: Landings,
        options: TransferEngine.Options, memory: SecretMemory
    ) throws(TransferFailure) {
        self.record = record
        self.sharing = sharing
        self.number = number
        self.poller = poller
        self.landings = landings
        self.multi = try MultiHandle(
            record: record, sharing: sharing, number: number, poller: poller, options: options)
        self.options = options
        self.memory = memory
    }

    // MARK: Orders

    func start(_ flight: Flight) {
        self.flightCount += 1
        self.record.transfersInFlight.add(1, ordering: .relaxed)
        let deadline = flight.transfer.deadline
        self.earliestDeadline = min(self.earliestDeadline ?? deadline, deadline)
        let queue = self.queue(to: flight.transfer.endpoint)
        queue.append(flight)
        self.admit(from: queue)
    }

    /// Does nothing if the flight has ended.
    func cancel(_ flight: Flight) {
        self.end({ $0 === flight }) { TransferFailure(.cancelled, requestWasSent: $0) }
        self.settle()
    }

    /// Whether the pool was retired, and has nothing left to do.
    var isDrained: Bool { self.flightCount == 0 && self.record.isRetired.load(ordering: .relaxed) }

    /// Ends everything, and closes all connections. Nothing may follow.
    func close() {
        self.end({ _ in true }) { TransferFailure(.stopped, requestWasSent: $0) }
        self.closeConnections()
    }

    private func closeConnections() {
        self.multi?.close()
        self.multi = nil
        self.lanes = []
        self.idleLanes = []
    }

    /// Ends what is under way, and closes all connections. Those who wait for their turn get new ones.
    private func abandonConnections() {
        self.endForLackOfMemory { _, _ in true }
        self.closeConnections()
    }

    private func endForLackOfMemory(where isMeant: (Lane, Lane.Load) -> Bool) {
        for lane in self.lanes {
            guard let load = lane.load, isMeant(lane, load) else { continue }
            let failure = TransferFailure(.noMemory, requestWasSent: lane.easy.requestWasSent)
            self.vacate(lane)
            self.end(load.flight, .failure(failure))
        }
    }

    // MARK: Events

    /// The ``Poller`` has something to report of a socket. To be followed by ``settle()``, once for all reports.
    func act(on socket: CInt, events: UInt32) { self.multi?.call(about: socket, events: events) }

    /// Hands over what has ended, and lets others take their turn.
    func settle() {
        while let (lane, code) = self.multi?.nextEnded() { self.land(lane, code) }
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

    /// Does what is due, if anything. What is too late is not sent any more.
    func wake(at now: Instant) {
        if let deadline = self.earliestDeadline, deadline <= now {
            self.endForLackOfMemory { lane, load in load.deadline <= now && lane.easy.wasRefusedMemory }
            self.end({ $0.transfer.deadline <= now }) {
                TransferFailure(.timedOut(whileConnecting: !$0), requestWasSent: $0)
            }
            let deadlines = self.queues.flatMap(\.flights).map { $0.transfer.deadline }
            self.earliestDeadline = (deadlines + self.lanes.compactMap { $0.load?.deadline }).min()
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
        for lane in self.lanes where lane.easy.wasRefusedMemory {
            guard let load = lane.load, deadline < load.deadline else { continue }
            lane.load?.deadline = deadline
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
        while let flight = queue.next() {
            do throws(TransferFailure) {
                try self.takeOff(flight, from: queue)
            } catch {
                self.end(flight, .failure(error))
            }
        }
    }

    private func takeOff(_ flight: Flight, from queue: EndpointQueue) throws(TransferFailure) {
        let lane = if let idle = self.idleLanes.popLast() { idle } else { try self.makeLane() }
        do throws(TransferFailure) {
            // libcurl sends again what got no answer on a connection that was used before.
            try self.launch(flight, on: lane, needsOwnConnection: !flight.transfer.isRepeatable)
        } catch {
            lane.easy.reset()
            self.idleLanes.append(lane)
            throw error
        }
        lane.load = Lane.Load(flight: flight, queue: queue, deadline: flight.transfer.deadline)
        queue.occupy(lane)
    }

    private func launch(_ flight: Flight, on lane: Lane, needsOwnConnection: Bool) throws(TransferFailure) {
        let connectTimeout = flight.transfer.connectTimeout ?? self.options.connectTimeout
        lane.easy.set(CURLOPT_CONNECTTIMEOUT_MS, to: max(1, connectTimeout.nanoseconds / 1_000_000))
        try lane.easy.begin(flight.transfer, needsOwnConnection: needsOwnConnection)
        guard self.multi?.add(lane) == true else { throw .noMemory }
    }

    private func land(_ lane: Lane, _ code: CURLcode) {
        guard let load = lane.load else { return }
        do throws(TransferFailure) {
            if lane.easy.wasTurnedAway {
                self.multi?.remove(lane)
                lane.easy.reset()
                return try self.launch(load.flight, on: lane, needsOwnConnection: true)
            }
            let answer = try lane.easy.finish(code)
            self.vacate(lane)
            self.end(load.flight, .success(answer))
        } catch {
            self.vacate(lane)
            self.end(load.flight, .failure(error))
            // Those who wait would find the same, each after a connect timeout of their own.
            guard error.isOfConnection, !load.queue.isConnected else { return }
            for flight in load.queue.removeWaiting(where: { _ in true }) { self.end(flight, .failure(error)) }
        }
    }

    /// Ends the flights that are meant, wherever they are.
    ///
    /// - Parameter failure: is told whether the request was sent.
    private func end(_ isMeant: (Flight) -> Bool, with failure: (Bool) -> TransferFailure) {
        for queue in self.queues {
            for flight in queue.removeWaiting(where: isMeant) { self.end(flight, .failure(failure(false))) }
        }
        for lane in self.lanes {
            guard let flight = lane.load?.flight, isMeant(flight) else { continue }
            let requestWasSent = lane.easy.requestWasSent
            self.vacate(lane)
            self.end(flight, .failure(failure(requestWasSent)))
        }
    }

    private func end(_ flight: Flight, _ outcome: consuming Flight.Outcome) {
        self.flightCount -= 1
        self.record.transfersInFlight.subtract(1, ordering: .relaxed)
        self.landings.end(flight, outcome)
    }

    // MARK: Lanes

    private func makeLane() throws(TransferFailure) -> Lane {
        let httpVersion =
            switch self.sharing {
            case .oneByOne: Int(CURL_HTTP_VERSION_1_1)
            case .multiplexed: Int(CURL_HTTP_VERSION_2TLS)
            }
        let easy = try EasyHandle(tls: self.record.tls, httpVersion: httpVersion, memory: self.memory)
        // Rather wait for a connection to share than open one more, should the server allow fewer streams than we do.
        easy.set(CURLOPT_PIPEWAIT, to: self.sharing == .multiplexed ? 1 : 0)
        // What must have a connection of its own leaves it to nobody.
        easy.set(CURLOPT_FORBID_REUSE, to: self.sharing == .oneByOne && self.options.httpVersion == .http2 ? 1 : 0)
        // A resolver that does not answer would else be waited for, by the whole engine, when its transfer ends.
        easy.set(CURLOPT_QUICK_EXIT, to: 1)
        easy.set(CURLOPT_MAXAGE_CONN, to: Int(self.options.idleTimeout.components.seconds))
        easy.set(CURLOPT_TCP_KEEPALIVE, to: 1)
        if self.sharing == .multiplexed { easy.busyConnections = self.busyConnections }
        try self.connections().adopt(easy)
        let lane = Lane(easy)
        self.lanes.append(lane)
        return lane
    }

    private func connections() throws(TransferFailure) -> MultiHandle {
        if let multi = self.multi { return multi }
        let multi = try MultiHandle(
            record: self.record, sharing: self.sharing, number: self.number, poller: self.poller, options: self.options)
        self.multi = multi
        return multi
    }

    private func vacate(_ lane: Lane) {
        self.multi?.remove(lane)
        lane.easy.reset()
        lane.load?.queue.vacate(lane)
        lane.load = nil
        self.idleLanes.append(lane)
    }
}

extension PoolTraffic.Sharing {
    /// Each has connections of its own, for libcurl does not keep them apart: see ``BusyConnections``.
    init(_ transfer: borrowing Transfer, _ options: TransferEngine.Options) {
        switch options.httpVersion {
        case .auto, .http11: self = .oneByOne
        case .http2: self = transfer.isRepeatable ? .multiplexed : .oneByOne
        }
    }
}
